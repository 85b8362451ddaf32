//! Three people to try the webmail with: made by SCIM, as a directory would, and a link for the first
//! visit of each who has not been there yet.

use anyhow::{Context, Result};
use bytes::Bytes;
use holdfast_core::ports::{HttpClient as _, HttpRequest};
use serde_json::{Value, json};
use std::time::Duration;

use crate::native::Native;

/// Whoever may ask a running installation for everything.
#[derive(Clone)]
pub struct Operator {
    native: Native,
    url: String,
    token: String,
}

impl Operator {
    /// The operator of the installation at this address.
    pub fn new(url: &str, token: &str) -> Result<Self> {
        Ok(Self {
            native: Native::new()?,
            url: url.to_owned(),
            token: token.to_owned(),
        })
    }

    /// Asks, and gives the status and the JSON that was answered.
    pub async fn ask(
        &self,
        method: &'static str,
        path: &str,
        body: &Value,
    ) -> Result<(u16, Value)> {
        let request = HttpRequest {
            method,
            url: format!("{}{path}", self.url),
            headers: vec![
                ("authorization", format!("Bearer {}", self.token)),
                ("content-type", "application/json".to_owned()),
                ("holdfast-operator", "holdfast".to_owned()),
            ],
            body: vec![Bytes::from(body.to_string())],
            connect: WAIT,
            reply: WAIT,
            most: 1 << 20,
        };
        let answer = self.native.send(request).await;
        let answer = answer.with_context(|| path.to_owned())?;
        let said = serde_json::from_slice(&answer.body).unwrap_or_default();
        Ok((answer.status, said))
    }
}

/// Makes those who are not there, and gives the links: whose, and where it leads.
pub async fn invite(url: &str, operator_token: &str) -> Result<Vec<(&'static str, String)>> {
    let operator = Operator::new(url, operator_token)?;
    let mut links = Vec::new();
    for (address, given, family) in PEOPLE {
        let user = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": address,
            "displayName": format!("{given} {family}"),
            "name": { "givenName": given, "familyName": family },
            "emails": [{ "value": address, "type": "work", "primary": true }],
            "active": true,
        });
        // Who is there from an earlier start stays as they are (409).
        operator.ask("POST", "/scim/v2/Users", &user).await?;
        let path = format!("/v1/people/{address}");
        let (_, person) = operator.ask("GET", &path, &Value::Null).await?;
        if person["activated"] == true {
            continue;
        }
        let order = json!({ "reason": "to try it out", "purpose": "activate" });
        let path = format!("{path}/activation");
        let (status, link) = operator.ask("POST", &path, &order).await?;
        let link = link["url"].as_str().map(str::to_owned);
        links.push((
            address,
            link.with_context(|| format!("no link for {address}: {status}"))?,
        ));
    }
    Ok(links)
}

/// Address, given name, family name.
const PEOPLE: [(&str, &str, &str); 3] = [
    ("anna@example.org", "Anna", "Rossi"),
    ("ben@example.org", "Ben", "Miller"),
    ("chiara@example.org", "Chiara", "Bianchi"),
];
const WAIT: Duration = Duration::from_secs(20);
