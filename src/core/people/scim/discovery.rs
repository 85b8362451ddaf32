//! What the service says of itself (RFC 7644, 4; RFC 7643, 5).

use serde_json::{Value, json};

use super::problem::ScimError;
use super::schema::{RESOURCES, SCHEMAS, service};
use crate::limits;

/// The resource at a path of discovery: none where the path is none of them.
pub fn answer(base: &str, path: &[&str]) -> Option<Result<Value, ScimError>> {
    Some(match path {
        ["ServiceProviderConfig"] => Ok(config(base)),
        ["ResourceTypes"] => Ok(list(RESOURCES.iter().map(|kind| kind.json(base)).collect())),
        ["ResourceTypes", name] => {
            let mut all = RESOURCES.iter();
            let found = all.find(|kind| kind.name.eq_ignore_ascii_case(name));
            let found = found.map(|kind| kind.json(base));
            found.ok_or_else(|| ScimError::missing("that resource type"))
        }
        ["Schemas"] => Ok(list(
            SCHEMAS.iter().map(|schema| schema.json(base)).collect(),
        )),
        ["Schemas", urn] => {
            let mut all = SCHEMAS.iter();
            let found = all.find(|schema| schema.urn.eq_ignore_ascii_case(urn));
            let found = found.map(|schema| schema.json(base));
            found.ok_or_else(|| ScimError::missing("that schema"))
        }
        _ => return None,
    })
}

fn config(base: &str) -> Value {
    json!({
        "schemas": [service::CONFIG.urn],
        "patch": {"supported": true},
        "bulk": {"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": true, "maxResults": limits::SCIM_PAGE},
        "changePassword": {"supported": false},
        "sort": {"supported": false},
        "etag": {"supported": true},
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "Bearer token",
            "description": "The token that the operator has set for this client",
            "specUri": "https://www.rfc-editor.org/rfc/rfc6750",
            "primary": true,
        }],
        "meta": {
            "resourceType": "ServiceProviderConfig",
            "location": format!("{base}/ServiceProviderConfig"),
        },
    })
}

fn list(resources: Vec<Value>) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": resources.len(),
        "startIndex": 1,
        "itemsPerPage": resources.len(),
        "Resources": resources,
    })
}
