//! The page as a strict reader of the format takes it.

use std::collections::BTreeMap;

use super::text::Families;

/// Each sample by its name and labels; whatever the format forbids stops the test.
pub fn parse(page: &str) -> BTreeMap<String, f64> {
    assert!(page.ends_with('\n'), "the last line has an end");
    let (mut samples, mut family, mut seen) = (BTreeMap::new(), String::new(), Vec::new());
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let name = rest.split(' ').next().unwrap_or_default();
            assert!(!seen.contains(&name), "{name} stands together, once");
            seen.push(name);
            family = name.to_owned();
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert_eq!(name, family, "TYPE follows HELP");
            assert!(["gauge", "counter"].contains(&kind), "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
        } else {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let name = series.split('{').next().unwrap();
            assert_eq!(name, family, "a sample stands below its TYPE");
            labels(series.strip_prefix(name).unwrap());
            let value: f64 = value.parse().unwrap();
            let twice = samples.insert(series.to_owned(), value);
            assert_eq!(twice, None, "{series} stands once");
        }
    }
    samples
}

/// Holds that this is nothing, or `{name="value",...}` with what must be escaped escaped.
fn labels(text: &str) {
    let Some(inner) = text.strip_prefix('{') else {
        assert_eq!(text, "");
        return;
    };
    let mut rest = inner.strip_suffix('}').unwrap();
    loop {
        let (name, value) = rest.split_once("=\"").unwrap();
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
        let mut escaped = false;
        let end = value.char_indices().find(|(_, c)| {
            let ends = *c == '"' && !escaped;
            assert!(!escaped || matches!(c, '\\' | '"' | 'n'), "{text}");
            escaped = *c == '\\' && !escaped;
            ends
        });
        rest = &value[end.unwrap().0 + 1..];
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None => return assert_eq!(rest, "", "{text}"),
        }
    }
}

#[test]
fn a_page_is_in_the_text_format_whatever_the_labels_are() {
    let mut page = Families::default();
    page.gauge("b", "nothing of it");
    page.gauge("a", "some").add(&[], 1);
    page.counter("c_total", "more")
        .add(&[("x", "q\"b\\n\nl,}"), ("y", "")], 7);
    page.gauge("a", "some").add(&[("x", "2")], 0.25);
    let written = page.write();
    let samples = parse(&written);
    assert_eq!(samples["a"], 1.0);
    assert_eq!(samples["a{x=\"2\"}"], 0.25);
    assert_eq!(samples["c_total{x=\"q\\\"b\\\\n\\nl,}\",y=\"\"}"], 7.0);
    assert!(
        !written.contains("# HELP b "),
        "no family without samples: {written}"
    );
}
