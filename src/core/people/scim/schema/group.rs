//! Groups: RFC 7643, 4.2 and 8.7.1, and our extension: the addresses a group is a list of.

use super::{Resource, Schema, complex, text};
use crate::people::directory::group::EXTENSION;

/// Groups.
pub const GROUP: Resource = Resource {
    name: "Group",
    endpoint: "/Groups",
    description: "A distribution list",
    schema: &CORE,
    extensions: &[&OWN],
};

/// A group's own schema.
pub const CORE: Schema = Schema {
    urn: "urn:ietf:params:scim:schemas:core:2.0:Group",
    name: "Group",
    description: "Group",
    attributes: &[
        text("displayName", "The group's name").required(),
        complex(
            "members",
            "Who is in it",
            &[
                text("value", "The member's id").exact().immutable(),
                text("$ref", "The member's URI")
                    .to(&["User", "Group"])
                    .immutable(),
                text("type", "What the member is")
                    .usual(&["User", "Group"])
                    .immutable(),
            ],
        )
        .list(),
    ],
};

/// Ours.
pub const OWN: Schema = Schema {
    urn: EXTENSION,
    name: "HoldfastGroup",
    description: "What Holdfast needs to know of a distribution list",
    attributes: &[text(
        "addresses",
        "The list's addresses, separated by spaces, beside a displayName that is one",
    )],
};
