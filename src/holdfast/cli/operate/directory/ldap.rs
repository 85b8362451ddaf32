//! What Active Directory and OpenLDAP write into LDIF, read as people and groups.
//!
//! | here | Active Directory | OpenLDAP and others |
//! | --- | --- | --- |
//! | the name to log in with | userPrincipalName, sAMAccountName | uid |
//! | addresses | mail, proxyAddresses | mail, mailLocalAddress, mailAlternateAddress |
//! | externalId | objectGUID | entryUUID |
//! | active | userAccountControl | nsAccountLock |
//! | members | member | member, uniqueMember, memberUid |

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};
use holdfast_core::limits;

use super::export::{Bad, Export, Group, Person, address, has_room, proxy};
use super::ldif::{self, Entry};

/// Reads an export. Entries that are neither people nor groups are passed over.
pub fn read(text: &str) -> Result<Export> {
    let mut export = Export::default();
    let mut seen = BTreeMap::new();
    let (mut passed, mut cut, mut too_many) = (0_u64, 0_u64, false);
    ldif::each(text, WANTED, |entry| {
        if !has_room(&export) || export.bad.len() > limits::IMPORT_BAD {
            too_many = true;
            return;
        }
        let entry = match entry {
            Ok(entry) => entry,
            Err(bad) => return export.bad.push(bad),
        };
        match Kind::of(&entry) {
            Kind::Person if has_address(&entry) => export.add(&mut seen, person(&entry)),
            Kind::Group => match group(&entry) {
                Ok(group) => {
                    cut += u64::from(entry.cut);
                    export.groups.push(group);
                }
                Err(bad) => export.bad.push(bad),
            },
            Kind::Person | Kind::Other => passed += 1,
        }
    });
    if too_many {
        bail!(
            "it has more than {} people, {} groups or {} entries that cannot be used",
            limits::IMPORT_PEOPLE,
            limits::IMPORT_GROUPS,
            limits::IMPORT_BAD
        );
    }
    if export.people.is_empty() && export.groups.is_empty() && export.bad.is_empty() {
        bail!("there is no entry of a person with an address, and none of a group, in it");
    }
    if passed > 0 {
        let note = format!(
            "{passed} entries without an address, or of neither people nor groups, were passed over"
        );
        export.notes.push(note);
    }
    if cut > 0 {
        let note =
            format!("the server left members of {cut} groups out (range=); export them with all");
        export.notes.push(note);
    }
    Ok(export)
}

/// What an entry is.
enum Kind {
    Person,
    Group,
    Other,
}

impl Kind {
    fn of(entry: &Entry) -> Self {
        let classes = entry.texts("objectclass").map(str::to_ascii_lowercase);
        let classes: BTreeSet<String> = classes.collect();
        let any = |names: &[&str]| names.iter().any(|name| classes.contains(*name));
        if any(&["computer", "contact", "foreignsecurityprincipal"]) {
            return Self::Other;
        }
        if any(&["group", "groupofnames", "groupofuniquenames", "posixgroup"]) {
            return Self::Group;
        }
        let people = [
            "user",
            "person",
            "organizationalperson",
            "inetorgperson",
            "posixaccount",
        ];
        let names = ["uid", "samaccountname", "userprincipalname"];
        let looks = classes.is_empty() && names.iter().any(|name| entry.text(name).is_some());
        match any(&people) || looks {
            true => Self::Person,
            false => Self::Other,
        }
    }
}

/// Machines' accounts have none, and nobody else could have a mailbox.
fn has_address(entry: &Entry) -> bool {
    let names = [
        "mail",
        "proxyaddresses",
        "maillocaladdress",
        "userprincipalname",
        "uid",
    ];
    let mut texts = names.iter().flat_map(|name| entry.texts(name));
    texts.any(|text| text.contains('@'))
}

fn person(entry: &Entry) -> Result<Person, Bad> {
    let line = entry.line;
    let text = |name: &str| entry.text(name).map(str::to_owned);
    let user_name = text("userprincipalname")
        .or_else(|| text("uid"))
        .or_else(|| text("samaccountname"));
    let mut phones = Vec::new();
    for (kind, name) in [
        ("mobile", "mobile"),
        ("work", "telephonenumber"),
        ("home", "homephone"),
    ] {
        phones.extend(entry.texts(name).map(|number| (kind, number.to_owned())));
    }
    let mut alternates = Vec::new();
    for text in entry.texts("othermailbox") {
        let text = proxy(text).map_or(text, |(_, text)| text);
        alternates.push(address(text, line)?);
    }
    let (mail, aliases) = addresses(entry)?;
    let uids = entry.texts("uid").map(uid_handle);
    let account = entry.texts("samaccountname").map(uid_handle);
    Ok(Person {
        line,
        user_name,
        external_id: external_id(entry),
        display_name: text("displayname").or_else(|| text("cn")),
        given_name: text("givenname"),
        family_name: text("sn"),
        language: text("preferredlanguage"),
        aliases: mail.is_some().then_some(aliases),
        mail,
        alternates,
        phones,
        active: active(entry),
        handles: [dn_handle(&entry.dn)]
            .into_iter()
            .chain(uids)
            .chain(account)
            .collect(),
    })
}

/// The primary address, and the others.
fn addresses(entry: &Entry) -> Result<(Option<String>, Vec<String>), Bad> {
    let mut primary = None;
    let mut all = Vec::new();
    for (is_primary, text) in entry.texts("proxyaddresses").filter_map(proxy) {
        let address = address(text, entry.line)?;
        if is_primary {
            primary.get_or_insert_with(|| address.clone());
        }
        all.push(address);
    }
    for name in ["mail", "maillocaladdress", "mailalternateaddress"] {
        for text in entry.texts(name) {
            all.push(address(text, entry.line)?);
        }
    }
    let mail = entry.text("mail").map(str::to_owned);
    let primary = primary.or(mail).or_else(|| all.first().cloned());
    let mut seen: BTreeSet<String> = primary
        .iter()
        .map(|primary| primary.to_lowercase())
        .collect();
    all.retain(|address| seen.insert(address.to_lowercase()));
    Ok((primary, all))
}

fn active(entry: &Entry) -> Option<bool> {
    if let Some(flags) = entry.text("useraccountcontrol") {
        return flags.parse::<i64>().ok().map(|flags| flags & DISABLED == 0);
    }
    let locked = entry.text("nsaccountlock")?;
    Some(!locked.eq_ignore_ascii_case("true"))
}

fn group(entry: &Entry) -> Result<Group, Bad> {
    let name = entry.text("displayname").or_else(|| entry.text("cn"));
    let Some(name) = name else {
        return Err(Bad::new(
            entry.line,
            format!("the group {} has no name", entry.dn),
        ));
    };
    let (mail, others) = addresses(entry)?;
    let by_name = ["member", "uniquemember"].into_iter();
    let by_name = by_name.flat_map(|name| entry.texts(name)).map(dn_handle);
    let by_uid = entry.texts("memberuid").map(uid_handle);
    let members: BTreeSet<String> = by_name.chain(by_uid).collect();
    Ok(Group {
        line: entry.line,
        name: name.to_owned(),
        external_id: external_id(entry),
        addresses: mail.into_iter().chain(others).collect(),
        members: members.into_iter().collect(),
        handles: vec![dn_handle(&entry.dn)],
    })
}

/// Names in a directory have no case, and blanks around their signs mean nothing (RFC 4514, 2).
fn dn_handle(dn: &str) -> String {
    let mut handle = String::from("dn:");
    let mut escaped = false;
    for c in dn.trim().chars() {
        if matches!(c, ',' | '=') && !escaped {
            handle.truncate(handle.trim_end().len());
        } else if c == ' ' && handle.ends_with([',', '=', ':']) {
            continue;
        }
        escaped = c == '\\' && !escaped;
        handle.extend(c.to_lowercase());
    }
    handle
}

fn uid_handle(uid: &str) -> String {
    format!("uid:{}", uid.to_lowercase())
}

/// `objectGUID` is a GUID in bytes, the first three fields of them backwards (MS-DTYP, 2.3.4.2).
fn external_id(entry: &Entry) -> Option<String> {
    if let Some(uuid) = entry.text("entryuuid") {
        return Some(uuid.to_lowercase());
    }
    let bytes = entry.bytes("objectguid").next()?;
    let Ok(guid) = <[u8; 16]>::try_from(bytes) else {
        let text = std::str::from_utf8(bytes).ok()?;
        let text = text.trim().trim_matches(['{', '}']);
        return Some(text.to_lowercase()).filter(|text| !text.is_empty());
    };
    let order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    let mut text = String::with_capacity(36);
    for (at, from) in order.into_iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{:02x}", guid.get(from).copied().unwrap_or(0)));
    }
    Some(text)
}

/// The flag ACCOUNTDISABLE of userAccountControl.
const DISABLED: i64 = 2;

const WANTED: &[&str] = &[
    "objectclass",
    "uid",
    "samaccountname",
    "userprincipalname",
    "mail",
    "proxyaddresses",
    "maillocaladdress",
    "mailalternateaddress",
    "othermailbox",
    "displayname",
    "cn",
    "givenname",
    "sn",
    "mobile",
    "telephonenumber",
    "homephone",
    "preferredlanguage",
    "useraccountcontrol",
    "nsaccountlock",
    "objectguid",
    "entryuuid",
    "member",
    "uniquemember",
    "memberuid",
];

#[cfg(test)]
mod tests {
    use super::*;

    const ACTIVE_DIRECTORY: &str = "\
dn: CN=Ada Lovelace,OU=People,DC=example,DC=org
objectClass: top
objectClass: person
objectClass: organizationalPerson
objectClass: user
cn: Ada Lovelace
sn: Lovelace
givenName: Ada
displayName: Ada Lovelace
sAMAccountName: ada
userPrincipalName: ada@example.org
mail: ada.lovelace@example.org
proxyAddresses: SMTP:Ada.Lovelace@example.org
proxyAddresses: smtp:ada@example.org
proxyAddresses: X500:/o=Example/cn=ada
userAccountControl: 514
objectGUID:: AAECAwQFBgcICQoLDA0ODw==
mobile: +39 333 1
telephoneNumber: +39 02 2
otherMailbox: ada@home.example

dn: CN=PC1,OU=Machines,DC=example,DC=org
objectClass: user
objectClass: computer
sAMAccountName: PC1$

dn: CN=krbtgt,CN=Users,DC=example,DC=org
objectClass: user
sAMAccountName: krbtgt

dn: CN=Everybody,OU=Lists,DC=example,DC=org
objectClass: group
cn: Everybody
mail: all@example.org
member: cn=ada lovelace, ou=People, DC=example, DC=org
member: CN=Smith\\, Bob,OU=People,DC=example,DC=org
";

    #[test]
    fn active_directory_is_read() {
        let export = read(ACTIVE_DIRECTORY).unwrap();
        assert_eq!(export.bad, []);
        let ada = &export.people[0];
        assert_eq!(export.people.len(), 1, "machines are no people");
        assert_eq!(ada.user_name.as_deref(), Some("ada@example.org"));
        assert_eq!(ada.mail.as_deref(), Some("Ada.Lovelace@example.org"));
        assert_eq!(ada.aliases.as_deref().unwrap(), ["ada@example.org"]);
        assert_eq!(ada.alternates, ["ada@home.example"]);
        assert_eq!(ada.active, Some(false));
        assert_eq!(
            ada.external_id.as_deref(),
            Some("03020100-0504-0706-0809-0a0b0c0d0e0f")
        );
        assert_eq!(ada.phones[0], ("mobile", "+39 333 1".to_owned()));
        let all = &export.groups[0];
        assert_eq!(
            (all.name.as_str(), all.addresses.as_slice()),
            ("Everybody", &["all@example.org".to_owned()][..])
        );
        assert!(
            all.members.contains(&ada.handles[0]),
            "{:?} {:?}",
            all.members,
            ada.handles
        );
        assert!(
            export.notes[0].starts_with("2 entries"),
            "{:?}",
            export.notes
        );
    }

    #[test]
    fn openldap_is_read() {
        let text = "\
dn: uid=ann,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
uid: ann
cn:: QW5uIMOJ
sn: X
mail: ann@example.org
mail: a@example.org
entryUUID: 6A2F41A3-C54C-FCE8-32D2-0324E1C32E22
preferredLanguage: it

dn: cn=staff,ou=groups,dc=example,dc=org
objectClass: posixGroup
cn: staff
memberUid: ANN

dn: cn=list,ou=groups,dc=example,dc=org
objectClass: groupOfNames
cn: list
member: uid=ann,ou=people,dc=example,dc=org
member: cn=staff,ou=groups,dc=example,dc=org
";
        let export = read(text).unwrap();
        let ann = &export.people[0];
        assert_eq!(ann.user_name.as_deref(), Some("ann"));
        assert_eq!(ann.display_name.as_deref(), Some("Ann É"));
        assert_eq!(ann.mail.as_deref(), Some("ann@example.org"));
        assert_eq!(ann.aliases.as_deref().unwrap(), ["a@example.org"]);
        assert_eq!(
            ann.external_id.as_deref(),
            Some("6a2f41a3-c54c-fce8-32d2-0324e1c32e22")
        );
        assert_eq!((ann.active, ann.language.as_deref()), (None, Some("it")));
        assert_eq!(export.groups[0].members, ["uid:ann"]);
        assert!(ann.handles.contains(&"uid:ann".to_owned()));
        assert_eq!(export.groups[1].members.len(), 2);
        assert!(
            export.groups[1]
                .members
                .contains(&export.groups[0].handles[0])
        );
    }

    #[test]
    fn a_bad_address_is_named_with_its_entry() {
        let text = "dn: a\nobjectClass: person\nuid: a\nmail: a @ b @ c\n\ndn: b\nobjectClass: person\nuid: b\nmail: b@example.org\n";
        let export = read(text).unwrap();
        assert_eq!((export.people.len(), export.bad[0].line), (1, 1));
        assert!(read("dn: ou=x\nobjectClass: organizationalUnit\n").is_err());
        assert!(read("").is_err());
    }
}
