//! Users: RFC 7643, 4.1 and 8.7.1, and the enterprise's extension, 4.3.

use super::{Attribute, Kind, Resource, Schema, complex, text};

/// Users.
pub const USER: Resource = Resource {
    name: "User",
    endpoint: "/Users",
    description: "A person with a mailbox",
    schema: &CORE,
    extensions: &[&ENTERPRISE],
};

/// A user's own schema.
pub const CORE: Schema = Schema {
    urn: "urn:ietf:params:scim:schemas:core:2.0:User",
    name: "User",
    description: "User account",
    attributes: ATTRIBUTES,
};

/// What enterprises add.
pub const ENTERPRISE: Schema = Schema {
    urn: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
    name: "EnterpriseUser",
    description: "Enterprise user",
    attributes: &[
        text(
            "employeeNumber",
            "Number of the person within the organisation",
        ),
        text("costCenter", "Cost centre"),
        text("organization", "Organisation"),
        text("division", "Division"),
        text("department", "Department"),
        complex(
            "manager",
            "The person's manager",
            &[
                text("value", "The manager's id").exact(),
                text("$ref", "The manager's URI").to(&["User"]),
                text("displayName", "The manager's name").read_only(),
            ],
        ),
    ],
};

const ATTRIBUTES: &[Attribute] = &[
    text("userName", "The unique name that the person logs in with")
        .required()
        .unique(),
    complex(
        "name",
        "The parts of the person's name",
        &[
            text("formatted", "The whole name as it is shown"),
            text("familyName", "Family name"),
            text("givenName", "Given name"),
            text("middleName", "Middle names"),
            text("honorificPrefix", "Title, such as Dr."),
            text("honorificSuffix", "Suffix, such as III"),
        ],
    ),
    text("displayName", "The name to show"),
    text("nickName", "What the person is called"),
    text("profileUrl", "The person's page").to(&["external"]),
    text("title", "The person's position"),
    text("userType", "The relation to the organisation"),
    text(
        "preferredLanguage",
        "The language to speak in (RFC 9110, 12.5.4)",
    ),
    text(
        "locale",
        "Language and region for dates and numbers (RFC 5646)",
    ),
    text("timezone", "IANA time zone"),
    text("active", "Whether the person may get in and gets mail").of(Kind::Boolean),
    plural(
        "emails",
        "Addresses: the own ones in domains that have a route here, and contacts elsewhere",
        &[
            VALUE,
            DISPLAY,
            KIND.usual(&["work", "home", "other"]),
            PRIMARY,
        ],
    ),
    plural(
        "phoneNumbers",
        "Telephone numbers",
        &[
            VALUE,
            DISPLAY,
            KIND.usual(&["work", "home", "mobile", "fax", "pager", "other"]),
            PRIMARY,
        ],
    ),
    plural(
        "ims",
        "Instant messaging addresses",
        &[VALUE, DISPLAY, KIND, PRIMARY],
    ),
    plural(
        "photos",
        "Pictures of the person",
        &[
            text("value", "The picture's URI").to(&["external"]),
            DISPLAY,
            KIND.usual(&["photo", "thumbnail"]),
            PRIMARY,
        ],
    ),
    plural(
        "addresses",
        "Places",
        &[
            text("formatted", "The whole address as it is shown"),
            text("streetAddress", "Street and number"),
            text("locality", "City"),
            text("region", "State or region"),
            text("postalCode", "Postal code"),
            text("country", "Country (ISO 3166-1, two letters)"),
            KIND.usual(&["work", "home", "other"]),
            PRIMARY,
        ],
    ),
    plural(
        "entitlements",
        "What the person is entitled to",
        &[VALUE, DISPLAY, KIND, PRIMARY],
    ),
    plural(
        "roles",
        "The person's roles",
        &[VALUE, DISPLAY, KIND, PRIMARY],
    ),
    plural(
        "x509Certificates",
        "Certificates (DER)",
        &[
            text("value", "The certificate").of(Kind::Binary).exact(),
            DISPLAY,
            KIND,
            PRIMARY,
        ],
    ),
];

const fn plural(
    name: &'static str,
    description: &'static str,
    parts: &'static [Attribute],
) -> Attribute {
    complex(name, description, parts).list()
}

const VALUE: Attribute = text("value", "The value");
const DISPLAY: Attribute = text("display", "How it is shown");
const KIND: Attribute = text("type", "What it is for");
const PRIMARY: Attribute =
    text("primary", "Whether it is the one to prefer; one is at most").of(Kind::Boolean);
