//! The schemas of what describes the service itself (RFC 7643, 5 to 7 and 8.7.2).

use super::{Attribute, Kind, Schema, complex, text};

/// `/ServiceProviderConfig`.
pub const CONFIG: Schema = Schema {
    urn: "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig",
    name: "ServiceProviderConfig",
    description: "What this service can do",
    attributes: &[
        text("documentationUri", "Where to read about it")
            .to(&["external"])
            .read_only(),
        complex("patch", "PATCH", &[SUPPORTED])
            .required()
            .read_only(),
        complex(
            "bulk",
            "Bulk",
            &[
                SUPPORTED,
                text("maxOperations", "Operations at most")
                    .of(Kind::Integer)
                    .required()
                    .read_only(),
                text("maxPayloadSize", "Bytes at most")
                    .of(Kind::Integer)
                    .required()
                    .read_only(),
            ],
        )
        .required()
        .read_only(),
        complex(
            "filter",
            "Filters",
            &[
                SUPPORTED,
                text("maxResults", "Resources of one answer at most")
                    .of(Kind::Integer)
                    .required()
                    .read_only(),
            ],
        )
        .required()
        .read_only(),
        complex("changePassword", "Changing passwords", &[SUPPORTED])
            .required()
            .read_only(),
        complex("sort", "Sorting", &[SUPPORTED])
            .required()
            .read_only(),
        complex("etag", "Entity tags", &[SUPPORTED])
            .required()
            .read_only(),
        complex(
            "authenticationSchemes",
            "How clients prove who they are",
            &[
                text("type", "The scheme").required().read_only().usual(&[
                    "oauth",
                    "oauth2",
                    "oauthbearertoken",
                    "httpbasic",
                    "httpdigest",
                ]),
                text("name", "Its name").required().read_only(),
                text("description", "What it is").required().read_only(),
                text("specUri", "Its specification")
                    .to(&["external"])
                    .read_only(),
                text("documentationUri", "Where to read about it")
                    .to(&["external"])
                    .read_only(),
                text("primary", "Whether it is the one to prefer")
                    .of(Kind::Boolean)
                    .read_only(),
            ],
        )
        .list()
        .required()
        .read_only(),
    ],
};

/// `/ResourceTypes`.
pub const RESOURCE_TYPE: Schema = Schema {
    urn: "urn:ietf:params:scim:schemas:core:2.0:ResourceType",
    name: "ResourceType",
    description: "A kind of resource",
    attributes: &[
        text("id", "Its id").read_only(),
        NAME,
        text("description", "What it is").read_only(),
        text("endpoint", "Where it is")
            .to(&["uri"])
            .required()
            .read_only(),
        text("schema", "Its schema")
            .to(&["uri"])
            .required()
            .read_only(),
        complex(
            "schemaExtensions",
            "What extends it",
            &[
                text("schema", "The extension's URN")
                    .to(&["uri"])
                    .required()
                    .read_only(),
                text("required", "Whether it must be there")
                    .of(Kind::Boolean)
                    .required()
                    .read_only(),
            ],
        )
        .list()
        .read_only(),
    ],
};

/// `/Schemas`.
pub const SCHEMA: Schema = Schema {
    urn: "urn:ietf:params:scim:schemas:core:2.0:Schema",
    name: "Schema",
    description: "A schema",
    attributes: &[
        text("id", "Its URN").required().read_only(),
        NAME,
        text("description", "What it is").read_only(),
        complex("attributes", "Its attributes", DEFINITION_WITH_PARTS)
            .list()
            .required()
            .read_only(),
    ],
};

const SUPPORTED: Attribute = text("supported", "Whether it can be used")
    .of(Kind::Boolean)
    .required()
    .read_only();

const NAME: Attribute = text("name", "Its name").required().read_only();

macro_rules! definition {
    ($($more:expr)?) => {
        &[
            text("name", "Its name").exact().required().read_only(),
            text("type", "What stands in it").required().read_only().usual(&[
                "string", "boolean", "decimal", "integer", "dateTime", "reference", "binary",
                "complex",
            ]),
            $($more,)?
            text("multiValued", "Whether it is a list").of(Kind::Boolean).required().read_only(),
            text("description", "What it is").exact().read_only(),
            text("required", "Whether it must be there").of(Kind::Boolean).read_only(),
            text("canonicalValues", "Usual values").list().exact().read_only(),
            text("caseExact", "Whether its text has a case").of(Kind::Boolean).read_only(),
            text("mutability", "Who may write it").exact().read_only().usual(&[
                "readOnly", "readWrite", "immutable", "writeOnly",
            ]),
            text("returned", "When it is shown").exact().read_only().usual(&[
                "always", "never", "default", "request",
            ]),
            text("uniqueness", "Where no two may have the same").exact().read_only().usual(&[
                "none", "server", "global",
            ]),
            text("referenceTypes", "What a reference leads to").list().exact().read_only(),
        ]
    };
}

const DEFINITION: &[Attribute] = definition!();

const DEFINITION_WITH_PARTS: &[Attribute] = definition!(
    complex("subAttributes", "Its parts", DEFINITION)
        .list()
        .read_only()
);
