//! The server as clients see it: exchanges as Microsoft Entra ID's and Okta's documentation shows
//! them, then the rules of RFC 7644 one by one.

mod entra;
mod okta;
mod rules;

use futures::executor::block_on;
use serde_json::{Value, json};

use super::*;
use crate::people::directory::tests::{World, check, config};

pub const BASE: &str = "https://holdfast.example/scim/v2";

/// An answer, read.
#[derive(Debug)]
pub struct Got {
    pub status: u16,
    pub json: Value,
    pub etag: Option<String>,
    pub response: ScimResponse,
}

impl Got {
    pub fn id(&self) -> String {
        self.json["id"].as_str().unwrap().to_owned()
    }
}

/// A client and its server.
pub struct Shop {
    pub world: World,
    pub config: Config,
}

impl Shop {
    pub fn new() -> Self {
        Self {
            world: World::new(),
            config: config(),
        }
    }

    pub fn send(&self, request: ScimRequest) -> Got {
        let response = block_on(answer(&self.world, &self.config, BASE, request));
        let json = match response.body.is_empty() {
            true => Value::Null,
            false => serde_json::from_slice(&response.body).unwrap(),
        };
        Got {
            status: response.status,
            json,
            etag: response.etag.clone(),
            response,
        }
    }

    pub fn call(&self, method: &str, url: &str, body: Value) -> Got {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let body = match body {
            Value::Null => Bytes::new(),
            body => Bytes::from(body.to_string()),
        };
        self.send(ScimRequest {
            method: method.into(),
            path: path.into(),
            query: query.into(),
            body,
            ..ScimRequest::default()
        })
    }

    pub fn get(&self, url: &str) -> Got {
        self.call("GET", url, Value::Null)
    }

    /// What a filter finds.
    pub fn find(&self, kind: &str, filter: &str) -> Got {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("filter", filter)
            .finish();
        self.get(&format!("/{kind}?{query}"))
    }

    pub fn post(&self, url: &str, body: Value) -> Got {
        self.call("POST", url, body)
    }

    pub fn patch(&self, url: &str, operations: Value) -> Got {
        let schemas = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"];
        self.call(
            "PATCH",
            url,
            json!({"schemas": schemas, "Operations": operations}),
        )
    }

    pub fn user(&self, name: &str) -> String {
        let made = self.post("/Users", json!({"userName": name}));
        assert_eq!(made.status, 201, "{made:?}");
        made.id()
    }

    pub fn check(&self) {
        assert_eq!(block_on(check(&self.world, &self.config)), Ok(()));
    }
}
