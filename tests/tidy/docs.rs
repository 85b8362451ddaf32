//! The tables of README.md, and the keys of the configuration as the code has them.

use std::collections::BTreeMap;

/// One table of a Markdown page.
pub struct Table {
    /// The cells of its head.
    pub head: Vec<String>,
    /// The cells of its rows, as they are written.
    pub rows: Vec<Vec<String>>,
}

/// All tables of the page, in order.
pub fn tables(page: &str) -> Vec<Table> {
    let mut tables = Vec::new();
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        let is_rule = |line: &&str| line.starts_with('|') && line.contains("---");
        if !line.starts_with('|') || lines.next_if(is_rule).is_none() {
            continue;
        }
        let head = cells(line);
        let mut rows = Vec::new();
        while let Some(row) = lines.next_if(|line| line.starts_with('|')) {
            rows.push(cells(row));
        }
        tables.push(Table { head, rows });
    }
    tables
}

/// One name in a table.
pub struct Row {
    /// The first cell, as it is written.
    pub first: String,
    /// What the column that was asked for says of this name, as it is written.
    pub value: String,
}

/// What the tables whose first column is `what` say of each name in that column, in the column
/// called `beside`. Names that share a row have their values in the same order, or all the same.
pub fn listed(page: &str, what: &str, beside: &str) -> BTreeMap<String, Row> {
    let mut listed = BTreeMap::new();
    for table in tables(page).iter().filter(|table| table.head[0] == what) {
        let column = table.head.iter().position(|head| head == beside);
        let column =
            column.unwrap_or_else(|| panic!("the table of each {what} has no column {beside}"));
        for row in &table.rows {
            let names: Vec<&str> = row[0].split('`').skip(1).step_by(2).collect();
            let values: Vec<&str> = row[column].split(',').map(str::trim).collect();
            for (at, name) in names.iter().enumerate() {
                let value = if values.len() == names.len() {
                    values[at]
                } else {
                    &row[column]
                };
                let row = Row {
                    first: row[0].clone(),
                    value: value.to_owned(),
                };
                assert!(
                    listed.insert((*name).to_owned(), row).is_none(),
                    "{name} is listed twice"
                );
            }
        }
    }
    listed
}

/// The fenced blocks of this language.
pub fn blocks(page: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let blocks = page.split(&fence).skip(1);
    blocks
        .map(|rest| rest.split("```").next().unwrap_or_default().to_owned())
        .collect()
}

/// A TOML document in which the keys that are only shown in comments are set.
pub fn uncommented(document: &str) -> String {
    let line = |line: &str| match line.strip_prefix("# ") {
        Some(rest)
            if rest
                .split(" = ")
                .next()
                .is_some_and(|key| key.chars().all(|c| c == '_' || c.is_ascii_lowercase())) =>
        {
            format!("{rest}\n")
        }
        _ => format!("{line}\n"),
    };
    document.lines().map(line).collect()
}

/// The values of a document by their dotted paths; of an array of tables, what any of them says.
pub fn leaves(table: &toml::Table) -> BTreeMap<String, toml::Value> {
    let mut leaves = BTreeMap::new();
    for (key, value) in table {
        let tables: Vec<&toml::Table> = match value {
            toml::Value::Table(table) => vec![table],
            toml::Value::Array(array) => array.iter().filter_map(toml::Value::as_table).collect(),
            _ => vec![],
        };
        if tables.is_empty() {
            leaves.insert(key.clone(), value.clone());
        }
        for (path, value) in tables.into_iter().flat_map(self::leaves) {
            leaves.insert(format!("{key}.{path}"), value);
        }
    }
    leaves
}

/// The keys of the configuration document: every field of the structs that serde reads it into,
/// from the one called `root` down, as a dotted path.
pub fn config_keys(sources: &[String], root: &str) -> Vec<String> {
    let structs: BTreeMap<String, Vec<(String, String)>> =
        sources.iter().flat_map(|source| structs(source)).collect();
    let mut keys = Vec::new();
    walk(&structs, root, "", &mut keys);
    keys
}

fn walk(
    structs: &BTreeMap<String, Vec<(String, String)>>,
    name: &str,
    path: &str,
    keys: &mut Vec<String>,
) {
    for (field, kind) in &structs[name] {
        let inner = structs
            .keys()
            .find(|known| super::source::contains_word(kind, known));
        match inner {
            Some(inner) => walk(structs, inner, &format!("{path}{field}."), keys),
            None => keys.push(format!("{path}{field}")),
        }
    }
}

/// The structs in `source` that serde reads, each with the names and types of its fields.
fn structs(source: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut found = Vec::new();
    let items = source.split("#[derive(").skip(1);
    for item in items.filter(|item| {
        item.split(")]")
            .next()
            .is_some_and(|derived| derived.contains("Deserialize"))
    }) {
        let Some((head, rest)) = item.split_once('{') else {
            continue;
        };
        let Some((_, name)) = head.rsplit_once("struct ") else {
            continue;
        };
        let body = rest.split("\n}").next().unwrap_or_default();
        let fields = body
            .lines()
            .filter_map(|line| line.trim().trim_end_matches(',').split_once(": "));
        let fields = fields.filter(|(name, _)| !name.starts_with(['#', '/']));
        let bare = |name: &str| name.trim_start_matches("pub ").to_owned();
        found.push((
            name.trim().to_owned(),
            fields
                .map(|(name, kind)| (bare(name), kind.to_owned()))
                .collect(),
        ));
    }
    found
}

fn cells(line: &str) -> Vec<String> {
    let line = line
        .trim()
        .trim_start_matches('|')
        .trim_end_matches('|')
        .replace("\\|", "\u{1}");
    line.split('|')
        .map(|cell| cell.trim().replace('\u{1}', "|"))
        .collect()
}

#[test]
fn the_tables_of_a_page_are_read() {
    let page = "text\n\n| variable | meaning | default |\n| --- | --- | --- |\n| `a` | x \\| y | `1` |\n\
                | `b`, `c` (secret) | z | `2`, empty |\n\n| other |\n|---|\n| `d` |\n";
    let listed = listed(page, "variable", "default");
    let text = |name: &str| listed[name].value.as_str();
    assert_eq!((text("a"), text("b"), text("c")), ("`1`", "`2`", "empty"));
    assert_eq!(listed.len(), 3);
    assert_eq!(tables(page)[0].rows[0][1], "x | y");
}

#[test]
fn the_keys_of_structs_are_found_to_the_last() {
    let source = "#[derive(Deserialize)]\nstruct Top {\n    #[serde(default)]\n    one: Vec<InnerTable>,\n    two: u8,\n}\n\
                  #[derive(Debug)]\nstruct Not {\n    three: u8,\n}\n\
                  #[derive(Deserialize, Default)]\n#[serde(deny_unknown_fields)]\npub struct InnerTable {\n    /// four: no\n    four: u8,\n}\n";
    assert_eq!(
        config_keys(&[source.to_owned()], "Top"),
        ["one.four", "two"]
    );
}

#[test]
fn what_a_document_shows_is_found_in_comments_too() {
    let page =
        "```toml\n[[a]]\nb = 1   # c = 2\n# d = [1]   # e\n# no key = 1\n```\n```sh\nf = 1\n```\n";
    let document = uncommented(&blocks(page, "toml").concat());
    let keys: Vec<String> = leaves(&toml::from_str(&document).unwrap())
        .into_keys()
        .collect();
    assert_eq!(keys, ["a.b", "a.d"]);
}
