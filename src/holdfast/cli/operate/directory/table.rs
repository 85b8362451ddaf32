//! CSV (RFC 4180) as spreadsheets and scripts write it: with commas, semicolons or tabs, a line of
//! names on top, and names in whatever case.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use csv::{ReaderBuilder, StringRecord, Trim};
use holdfast_core::limits;

use super::export::{Bad, Export, Person, address, has_room, proxy};

/// What a column says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    UserName,
    Mail,
    DisplayName,
    GivenName,
    FamilyName,
    Aliases,
    Alternate,
    Phone(&'static str),
    Active,
    ExternalId,
    Language,
}

/// Reads a table. It is an error where no line of it could be used; a line that cannot be used is
/// named.
pub fn read(text: &str) -> Result<Export> {
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter(text))
        .comment(Some(b'#'))
        .flexible(true)
        .trim(Trim::All)
        .from_reader(text.as_bytes());
    let head = match reader.headers() {
        Ok(head) => head.clone(),
        Err(error) => bail!("the line of names cannot be read: {error}"),
    };
    let columns: Vec<Option<Column>> = head.iter().map(column).collect();
    let has = |wanted: Column| columns.contains(&Some(wanted));
    if !has(Column::UserName) && !has(Column::Mail) {
        bail!(
            "line 1 names the columns, and none of them is userName or mail; known are userName, mail, \
             displayName, givenName, familyName, aliases, alternate, phone, mobile, active, externalId \
             and language"
        );
    }
    let mut export = Export::default();
    let passed: Vec<&str> = head
        .iter()
        .zip(&columns)
        .filter(|(name, column)| column.is_none() && !name.is_empty())
        .map(|(name, _)| name)
        .collect();
    if !passed.is_empty() {
        let note = format!("columns that mean nothing here: {}", passed.join(", "));
        export.notes.push(note);
    }
    let mut seen = BTreeMap::new();
    let mut record = StringRecord::new();
    loop {
        let line = reader.position().line();
        match reader.read_record(&mut record) {
            Ok(false) => return Ok(export),
            Ok(true) if record.iter().all(str::is_empty) => {}
            Ok(true) => {
                let line = record.position().map_or(line, csv::Position::line);
                if !has_room(&export) {
                    bail!("it has more than {} people", limits::IMPORT_PEOPLE);
                }
                export.add(&mut seen, person(&columns, &record, line));
            }
            Err(error) => {
                let line = error.position().map_or(line, csv::Position::line);
                export.bad.push(Bad::new(line, error.to_string()));
            }
        }
        if export.bad.len() > limits::IMPORT_BAD {
            bail!("more than {} lines cannot be used", limits::IMPORT_BAD);
        }
    }
}

fn person(columns: &[Option<Column>], record: &StringRecord, line: u64) -> Result<Person, Bad> {
    if record.len() > columns.len()
        && record
            .iter()
            .skip(columns.len())
            .any(|cell| !cell.is_empty())
    {
        let reason = format!(
            "it has {} cells and there are {} columns; a cell with a separator in it stands in quotes",
            record.len(),
            columns.len()
        );
        return Err(Bad::new(line, reason));
    }
    let mut person = Person {
        line,
        ..Person::default()
    };
    for (column, cell) in columns.iter().zip(record) {
        let Some(column) = column else { continue };
        if cell.chars().count() > limits::IMPORT_VALUE_CHARS {
            let most = limits::IMPORT_VALUE_CHARS;
            return Err(Bad::new(
                line,
                format!("a cell has more than {most} characters"),
            ));
        }
        // A column of aliases says where there are none.
        if *column == Column::Aliases {
            person.aliases.get_or_insert_default();
        }
        if !cell.is_empty() {
            take(&mut person, *column, cell)?;
        }
    }
    let own = person.mail.as_ref().map(|mail| mail.to_lowercase());
    if let Some(aliases) = &mut person.aliases {
        aliases.retain(|alias| Some(alias.to_lowercase()) != own);
    }
    Ok(person)
}

fn take(person: &mut Person, column: Column, cell: &str) -> Result<(), Bad> {
    let line = person.line;
    let first = |slot: &mut Option<String>| {
        slot.get_or_insert_with(|| cell.to_owned());
    };
    match column {
        Column::UserName => first(&mut person.user_name),
        Column::DisplayName => first(&mut person.display_name),
        Column::GivenName => first(&mut person.given_name),
        Column::FamilyName => first(&mut person.family_name),
        Column::ExternalId => first(&mut person.external_id),
        Column::Language => first(&mut person.language),
        Column::Mail => {
            let (_, text) = proxy(cell).unwrap_or((true, cell));
            let mail = address(text, line)?;
            person.mail.get_or_insert(mail);
        }
        Column::Aliases => {
            for (primary, text) in several(cell).filter_map(proxy) {
                let alias = address(text, line)?;
                match primary && person.mail.is_none() {
                    true => person.mail = Some(alias),
                    false => person.aliases.get_or_insert_default().push(alias),
                }
            }
        }
        Column::Alternate => {
            for text in several(cell) {
                person.alternates.push(address(text, line)?);
            }
        }
        Column::Phone(kind) => {
            // Numbers have spaces in them.
            let numbers = cell.split([';', ',']).map(str::trim);
            let numbers = numbers.filter(|number| !number.is_empty());
            person
                .phones
                .extend(numbers.map(|number| (kind, number.to_owned())));
        }
        Column::Active => person.active = Some(truth(cell, line)?),
    }
    Ok(())
}

fn several(cell: &str) -> impl Iterator<Item = &str> {
    cell.split(|c: char| matches!(c, ';' | ',') || c.is_whitespace())
        .filter(|part| !part.is_empty())
}

fn truth(cell: &str, line: u64) -> Result<bool, Bad> {
    match cell.to_lowercase().as_str() {
        "true" | "yes" | "y" | "1" | "x" | "on" | "active" | "enabled" | "wahr" | "ja" | "si"
        | "sì" | "sí" | "oui" | "vrai" | "vero" | "verdadero" => Ok(true),
        "false" | "no" | "n" | "0" | "off" | "inactive" | "disabled" | "falsch" | "nein"
        | "non" | "faux" | "falso" => Ok(false),
        _ => Err(Bad::new(
            line,
            format!("active: {cell:?} is neither yes nor no"),
        )),
    }
}

/// What a name on top means, whatever its case and its signs.
fn column(name: &str) -> Option<Column> {
    let plain: String = name.chars().filter(|c| c.is_alphanumeric()).collect();
    Some(match plain.to_lowercase().as_str() {
        "username" | "userprincipalname" | "upn" | "uid" | "samaccountname" | "login"
        | "loginname" | "user" => Column::UserName,
        "mail"
        | "email"
        | "emailaddress"
        | "primarysmtpaddress"
        | "primaryemail"
        | "primarymail"
        | "windowsemailaddress" => Column::Mail,
        "displayname" | "name" | "fullname" | "cn" => Column::DisplayName,
        "givenname" | "firstname" => Column::GivenName,
        "familyname" | "lastname" | "surname" | "sn" => Column::FamilyName,
        "aliases" | "alias" | "emailaliases" | "proxyaddresses" | "emailaddresses" => {
            Column::Aliases
        }
        "alternate" | "alternates" | "alternateemail" | "alternateaddress" | "alternatemail"
        | "privateemail" | "privatemail" | "otheremail" | "othermail" | "othermails"
        | "recoveryemail" | "homeemail" => Column::Alternate,
        "phone" | "phones" | "telephone" | "telephonenumber" | "phonenumber" | "phonenumbers"
        | "officephone" | "workphone" => Column::Phone("work"),
        "mobile" | "mobilephone" | "mobilenumber" | "cellphone" => Column::Phone("mobile"),
        "homephone" => Column::Phone("home"),
        "active" | "enabled" | "accountenabled" => Column::Active,
        "externalid" | "objectguid" | "entryuuid" | "objectid" | "guid" => Column::ExternalId,
        "language" | "preferredlanguage" | "locale" => Column::Language,
        _ => return None,
    })
}

/// What parts the cells: whatever stands most often among the names.
fn delimiter(text: &str) -> u8 {
    let head = text
        .lines()
        .find(|line| !line.trim().is_empty() && !line.starts_with('#'));
    let head = head.unwrap_or_default().as_bytes();
    let count = |sign: u8| head.iter().filter(|byte| **byte == sign).count();
    let mut best = b',';
    for sign in [b';', b'\t'] {
        if count(sign) > count(best) {
            best = sign;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_table_is_read_whatever_its_separators_and_names() {
        let comma = "User Name,E-Mail,display_name,GIVENNAME,surname,Aliases,alternate,phone,Active,externalId,Cost\n\
                     ada,ada@example.org,\"Lovelace, Ada\",Ada,Lovelace,a@example.org; smtp:l@example.org,ada@home.example,+39 02 12,TRUE,x-1,7\n";
        for text in [
            comma.to_owned(),
            comma
                .replace("; smtp", " smtp")
                .replace("\"Lovelace, Ada\"", "Lovelace| Ada")
                .replace(',', ";")
                .replace('|', ","),
            comma
                .replace("\"Lovelace, Ada\"", "Lovelace| Ada")
                .replace(',', "\t")
                .replace('|', ","),
            comma.replace('\n', "\r\n"),
            format!("#TYPE Selected.User\n{comma}"),
        ] {
            let export = read(&text).unwrap();
            assert_eq!(export.bad, [], "{text}");
            let ada = &export.people[0];
            assert_eq!(ada.user_name.as_deref(), Some("ada"));
            assert_eq!(ada.mail.as_deref(), Some("ada@example.org"));
            assert_eq!(ada.display_name.as_deref(), Some("Lovelace, Ada"));
            assert_eq!(ada.given_name.as_deref(), Some("Ada"));
            assert_eq!(ada.family_name.as_deref(), Some("Lovelace"));
            assert_eq!(
                ada.aliases.as_deref().unwrap(),
                ["a@example.org", "l@example.org"]
            );
            assert_eq!(ada.alternates, ["ada@home.example"]);
            assert_eq!(ada.phones, [("work", "+39 02 12".to_owned())]);
            assert_eq!(
                (ada.active, ada.external_id.as_deref()),
                (Some(true), Some("x-1"))
            );
            assert!(export.notes[0].contains("Cost"));
        }
    }

    #[test]
    fn a_line_that_cannot_be_used_is_named_and_stops_no_other() {
        let text = "userName,mail,active\n\
                    ann,ann@example.org,yes\n\
                    ,,\n\
                    bob,not an address,yes\n\
                    eve,eve@example.org,perhaps\n\
                    ANN,ann2@example.org,no\n\
                    too,too@example.org,yes,more\n\
                    \"two\nlines\",two@example.org,no\n\
                    ,only@example.org,\n\
                    ,,yes\n";
        let export = read(text).unwrap();
        let names: Vec<&str> = export.people.iter().filter_map(Person::name).collect();
        assert_eq!(names, ["ann", "two\nlines", "only@example.org"]);
        let bad: Vec<u64> = export.bad.iter().map(|bad| bad.line).collect();
        assert_eq!(bad, [4, 5, 6, 7, 11]);
        assert!(
            export.bad[0].reason.contains("not an address"),
            "{:?}",
            export.bad[0]
        );
        assert!(
            export.bad[2].reason.contains("line 2"),
            "{:?}",
            export.bad[2]
        );
        assert_eq!(export.people[2].active, None, "an empty cell says nothing");
    }

    #[test]
    fn a_table_of_something_else_is_refused_with_the_columns_that_are_known() {
        for text in ["", "a,b\n1,2\n", "\n\n", "just words"] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains("userName"), "{error}");
        }
    }

    #[test]
    fn a_column_of_aliases_says_where_there_are_none_and_the_primary_address_is_no_alias() {
        let text = "mail;aliases\n ;SMTP:a@example.org smtp:b@example.org X500:/o=x sip:a@example.org\nc@example.org;C@example.org\nd@example.org\n";
        let export = read(text).unwrap();
        assert_eq!(export.people[0].mail.as_deref(), Some("a@example.org"));
        assert_eq!(
            export.people[0].aliases.as_deref().unwrap(),
            ["b@example.org"]
        );
        assert_eq!(export.people[1].aliases.as_deref().unwrap(), [""; 0]);
        assert_eq!(export.people[2].aliases, None);
    }

    proptest! {
        #[test]
        fn what_a_program_writes_is_read_back(
            people in proptest::collection::btree_map("[a-z]{1,8}", ("\\PC{0,20}", "[a-z]{1,5}"), 1..20),
            separator in proptest::sample::select(b",;\t".to_vec()),
            end in proptest::sample::select(vec!["\n", "\r\n"]),
        ) {
            let terminator = match end {
                "\n" => csv::Terminator::Any(b'\n'),
                _ => csv::Terminator::CRLF,
            };
            let mut writer = csv::WriterBuilder::new();
            let mut writer = writer.delimiter(separator).terminator(terminator).from_writer(Vec::new());
            writer.write_record(["userName", "displayName", "mail"]).unwrap();
            for (name, (shown, box_name)) in &people {
                let mail = format!("{box_name}@example.org");
                writer.write_record([name, shown, &mail]).unwrap();
            }
            let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            let export = read(&text).unwrap();
            prop_assert_eq!(&export.bad, &[]);
            let read: Vec<_> = export.people.iter().map(|one| {
                (one.user_name.as_deref(), one.display_name.as_deref(), one.mail.clone())
            }).collect();
            let written: Vec<_> = people.iter().map(|(name, (shown, box_name))| {
                let shown = Some(shown.trim()).filter(|shown| !shown.is_empty());
                (Some(name.as_str()), shown, Some(format!("{box_name}@example.org")))
            }).collect();
            prop_assert_eq!(read, written);
        }

        #[test]
        fn no_text_stops_it_and_each_person_is_one_that_can_be_named(
            head in "(userName|mail|aliases|active|phone|x)([,;](userName|mail|aliases|active)){0,4}",
            rows in "[a-z@.,;:\"#\\t\n\r é]{0,200}",
        ) {
            if let Ok(export) = read(&format!("{head}\n{rows}")) {
                prop_assert!(export.people.iter().all(|person| person.name().is_some()));
            }
        }
    }
}
