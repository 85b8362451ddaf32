//! Hostile HTML: nothing of it may run, load, ask, cover or look like ours.

use proptest::prelude::*;

use super::tokens::{Token, Tokens};
use super::*;

/// Holds what must be true of any HTML that is shown, by reading it tag by tag.
pub fn assert_safe(html: &str) {
    for token in Tokens::new(html) {
        let Token::Open(name, attributes) = token else {
            continue;
        };
        assert!(
            tidy::ELEMENTS.contains(&name.as_str()),
            "<{name}> in {html}"
        );
        for (attribute, value) in attributes {
            let known = ATTRIBUTES.contains(&attribute.as_str())
                || ["target", "rel"].contains(&attribute.as_str())
                || ELEMENT_ATTRIBUTES.iter().any(|(element, names)| {
                    *element == name && names.contains(&attribute.as_str())
                });
            assert!(known, "{attribute} in {html}");
            let value = value.to_ascii_lowercase();
            match attribute.as_str() {
                "href" => assert!(
                    ["http:", "https:", "mailto:", "tel:"]
                        .iter()
                        .any(|s| value.starts_with(s)),
                    "{value}"
                ),
                "src" => assert!(
                    value.starts_with("https:")
                        || RASTER_TYPES
                            .iter()
                            .any(|t| value.starts_with(&format!("data:{t};base64,"))),
                    "{value}"
                ),
                "style" => assert!(
                    !value.contains("url")
                        && !value.contains("expression")
                        && !value.contains("position"),
                    "{value}"
                ),
                "target" => assert_eq!(value, "_blank"),
                _ => {}
            }
        }
    }
    let lower = html.to_ascii_lowercase();
    for never in [
        "<script", "<style", "<iframe", "<object", "<embed", "<base", "<meta", "<link", "<form",
        "<input", "<button", "<svg", "<math", "<!--", "<body", "<html",
    ] {
        assert!(!lower.contains(never), "{never} in {html}");
    }
}

/// The same that a real browser is shown (`tests/browser`).
fn hostile() -> Vec<String> {
    serde_json::from_str(include_str!("hostile.json")).unwrap()
}

#[test]
fn hostile_html_runs_nothing_loads_nothing_and_looks_like_nothing_of_ours() {
    let all = hostile();
    assert!(all.len() > 110);
    for hostile in &all {
        for html in [
            hostile.clone(),
            format!("<table><tr><td>{hostile}</td></tr></table>"),
            format!("<p>before {hostile} after"),
            format!("<b><i><div {hostile}"),
            hostile.to_uppercase(),
        ] {
            let cleaned = clean(&html, &InlineImages::default(), false);
            assert_safe(cleaned.html.as_str());
            assert!(!cleaned.html.as_str().contains("src=\"https"), "{html}");
            assert_safe(clean(&html, &InlineImages::default(), true).html.as_str());
        }
    }
}

#[test]
fn what_people_write_looks_as_it_was_meant() {
    let shown = |html: &str| {
        clean(html, &InlineImages::default(), false)
            .html
            .as_str()
            .to_owned()
    };
    assert_eq!(
        shown("<p>a <b>b</b> &lt; c &amp; d</p>"),
        "<p>a <b>b</b> &lt; c &amp; d</p>"
    );
    assert_eq!(shown("a < b"), "a &lt; b");
    assert_eq!(
        shown("<a href='https://a.example/?x=1&amp;y=2'>x</a>"),
        "<a href=\"https://a.example/?x=1&amp;y=2\" target=\"_blank\" rel=\"noopener noreferrer nofollow\">x</a>"
    );
    assert_eq!(
        shown("<table><tr><td bgcolor='#ffffff' style='color:red'>a<td>b<tr><td>c</table>d"),
        "<table><tbody><tr><td bgcolor=\"#ffffff\" style=\"color:red\">a</td><td>b</td></tr><tr><td>c</td></tr></tbody></table>d"
    );
    assert_eq!(
        shown("<ul><li>a<li>b<ul><li>c</ul></ul>"),
        "<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>"
    );
    assert_eq!(
        shown("<p>a<p>b<div>c</div>"),
        "<p>a</p><p>b</p><div>c</div>"
    );
    assert_eq!(shown("<b>a<i>b</b>c</i>"), "<b>a<i>b</i></b>c");
    assert_eq!(shown("<style>x</style><!-- y --><p>z"), "<p>z</p>");
}

#[test]
fn images_are_shown_where_they_were_sent_along_or_asked_for() {
    let mut images = InlineImages::default();
    images.add("a@b", "image/png", 3, || vec![1, 2, 3]);
    images.add("s", "image/svg+xml", 3, || vec![1, 2, 3]);
    images.add("big", "image/png", u64::MAX, || unreachable!("is not read"));
    let html =
        "<img src=cid:a%40b alt=x><img src=cid:s><img src=cid:big><img src=https://a.example/i>";
    let cleaned = clean(html, &images, false);
    assert_eq!(
        cleaned.html.as_str(),
        "<img src=\"data:image/png;base64,AQID\" alt=\"x\"><img><img><img>"
    );
    assert!(cleaned.had_remote_images);
    assert!(!clean("<img src=cid:x>", &images, false).had_remote_images);
}

#[test]
fn clever_nesting_stays_small_and_quick() {
    let many = |piece: &str, count: usize| piece.repeat(count / 4);
    for html in [
        many("<div>", 200_000),
        (0..5_000)
            .map(|n| format!("<font color={n}>"))
            .collect::<String>()
            + &many("<p>x", 20_000),
        many("<table><tr><td>", 60_000),
        many("<table><b>", 60_000),
        many("<a href=x><b>", 50_000),
        many("<svg>", 200_000),
        many("<p><b><i><u>", 50_000) + &many("<div>x</div>", 50_000),
        many("</b></i>", 100_000),
        many("<!-", 300_000),
        many("<x a='", 100_000),
        many("&", 1_000_000),
        many("<b ", 300_000),
    ] {
        let cleaned = clean(&html, &InlineImages::default(), false);
        assert!(
            cleaned.html.as_str().len() < 8 * html.len() + 10_000,
            "{}",
            html.get(..20).unwrap()
        );
    }
}

#[test]
fn the_frame_s_document_allows_nothing() {
    let page = document(
        &clean("<p>x</p>", &InlineImages::default(), false).html,
        "it",
        "a <b>",
    );
    assert!(
        page.contains("<html lang=\"it\" dir=\"auto\">")
            && page.contains("<title>a &lt;b&gt;</title>")
    );
    assert!(page.ends_with("<body><p>x</p></body></html>"));
    let policy = frame_policy(false);
    assert!(policy.starts_with("default-src 'none'; ") && policy.contains("sandbox allow-popups"));
    for never in [
        "allow-scripts",
        "allow-same-origin",
        "allow-forms",
        "https:",
        "*",
    ] {
        assert!(!policy.contains(never), "{never}");
    }
    assert!(frame_policy(true).contains("img-src data: https:;"));
}

proptest! {
    #[test]
    fn no_html_is_shown_that_is_not_safe(
        html in "(<(/?(script|style|svg|math|table|td|tr|p|b|a|img|div|form|select|template|textarea|li|caption|col)|!--|!|\\?)[ /\n]?((on[a-z]{1,4}|href|src|style|id|class|xlink:href)=[\"'`]?(javascript:|https:|data:image/png;base64,|url\\()?[a-z\"'<>&;]{0,6}[\"']? ?){0,3}[>/]?|-->|]]>|\\PC{0,5}|&[#a-z0-9]{0,6};?){0,40}",
    ) {
        assert_safe(clean(&html, &InlineImages::default(), true).html.as_str());
        let _ = to_text(&html);
    }
}
