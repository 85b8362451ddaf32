//! HTML bodies: made safe, and put into a document of their own.
//!
//! Three walls, each enough by itself. [`tidy`] keeps a short list of elements and bounds their
//! number and depth, so that the next wall's work is bounded, too. ammonia parses what is left as
//! browsers do and keeps only listed elements and attributes; what their values may say is
//! decided below. And the document is shown in a frame with `sandbox`, under a policy that allows
//! no script, no form and no request (Content Security Policy 3): [`frame_policy`].
//!
//! Images of the message itself are written into the document as `data:` URLs. A sandboxed frame
//! has no origin, so browsers would not send the session's cookie with requests for them.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use ammonia::{Builder, UrlRelative};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use crate::limits;

mod declarations;
mod tidy;
pub(in crate::people) mod tokens;

#[cfg(test)]
pub(super) mod tests;

/// HTML that runs nothing and, unless remote images were asked for, reaches nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SafeHtml(String);

impl SafeHtml {
    /// The HTML, as it stands within a body element.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What became of an HTML body.
#[derive(Debug)]
pub struct Cleaned {
    /// What may be shown.
    pub html: SafeHtml,
    /// It refers to images elsewhere.
    pub had_remote_images: bool,
}

/// The images that a message carries for its own text, by their `Content-ID`.
#[derive(Debug, Default)]
pub struct InlineImages {
    urls: HashMap<String, String>,
    bytes: usize,
}

impl InlineImages {
    /// Adds an image where it is one that browsers only draw, and while there is room.
    pub fn add(&mut self, id: &str, media_type: &str, size: u64, bytes: impl FnOnce() -> Vec<u8>) {
        let left = limits::INLINE_IMAGES_BYTES.saturating_sub(self.bytes);
        let fits = usize::try_from(size).is_ok_and(|size| size <= left);
        if !fits || !RASTER_TYPES.contains(&media_type) || self.urls.contains_key(id) {
            return;
        }
        let bytes = bytes();
        if bytes.len() > left {
            return;
        }
        self.bytes += bytes.len();
        let url = format!("data:{media_type};base64,{}", STANDARD.encode(bytes));
        self.urls.insert(id.to_owned(), url);
    }
}

/// Makes a sender's HTML safe.
pub fn clean(html: &str, images: &InlineImages, remote_images: bool) -> Cleaned {
    let had_remote = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&had_remote);
    let urls = images.urls.clone();
    let mut builder = Builder::empty();
    builder
        .tags(tidy::ELEMENTS.into_iter().collect())
        .clean_content_tags(HashSet::new())
        .generic_attributes(ATTRIBUTES.into_iter().collect())
        .tag_attributes(
            ELEMENT_ATTRIBUTES
                .into_iter()
                .map(|(element, names)| (element, names.iter().copied().collect()))
                .collect(),
        )
        .url_schemes(HashSet::from([
            "http", "https", "mailto", "tel", "cid", "data",
        ]))
        .url_relative(UrlRelative::Deny)
        .link_rel(Some("noopener noreferrer nofollow"))
        .set_tag_attribute_value("a", "target", "_blank")
        .attribute_filter(move |element, name, value| match (element, name) {
            ("a", "href") => link(value),
            ("img", "src") => image(value, &urls, remote_images, &seen),
            (_, "href" | "src") => None,
            (_, "style") => declarations::harmless(value).map(Cow::Owned),
            (_, "title" | "alt" | "summary") => Some(Cow::Owned(super::shown::line(
                value,
                limits::SHOWN_LINE_CHARS,
            ))),
            (_, "target" | "rel") => Some(Cow::Borrowed(value)),
            _ => plain(value),
        });
    let html = builder.clean(&tidy::tidy(html)).to_string();
    Cleaned {
        html: SafeHtml(html),
        had_remote_images: had_remote.load(Ordering::Relaxed),
    }
}

/// What an HTML body says, as plain text.
pub fn to_text(html: &str) -> String {
    tidy::to_text(html)
}

/// The document that a sandboxed frame shows: the message's HTML and nothing of ours but a few
/// rules that keep it readable. `language` is a tag such as `en` (RFC 5646), `title` the subject.
pub fn document(body: &SafeHtml, language: &str, title: &str) -> String {
    let page = html! {
        (DOCTYPE)
        html lang=(language) dir="auto" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                meta name="color-scheme" content="light";
                title { (title) }
                style { (PreEscaped(FRAME_STYLE)) }
            }
            body { (PreEscaped(body.as_str())) }
        }
    };
    page.into_string()
}

/// `Content-Security-Policy` of that document. It is a sandbox even where somebody opens the
/// frame's address by itself; links open outside of it.
pub fn frame_policy(remote_images: bool) -> String {
    let images = if remote_images { " https:" } else { "" };
    format!(
        "default-src 'none'; script-src 'none'; style-src-elem '{}'; style-src-attr 'unsafe-inline'; \
         img-src data:{images}; form-action 'none'; base-uri 'none'; frame-ancestors 'self'; \
         sandbox allow-popups allow-popups-to-escape-sandbox",
        *FRAME_STYLE_HASH
    )
}

/// The value of the frame's `sandbox` attribute: no script, no form, no origin; links open anew.
pub const SANDBOX: &str = "allow-popups allow-popups-to-escape-sandbox";

/// Web addresses, mail addresses and telephone numbers; nothing that runs or that is ours.
fn link(value: &str) -> Option<Cow<'_, str>> {
    let url = ammonia::Url::parse(value).ok()?;
    matches!(url.scheme(), "http" | "https" | "mailto" | "tel").then(|| Cow::Owned(url.into()))
}

fn image<'v>(
    value: &'v str,
    urls: &HashMap<String, String>,
    remote_images: bool,
    had_remote: &AtomicBool,
) -> Option<Cow<'v, str>> {
    let url = ammonia::Url::parse(value).ok()?;
    match url.scheme() {
        "cid" => {
            let id = percent_encoding::percent_decode_str(url.path()).decode_utf8_lossy();
            urls.get(id.as_ref()).map(|url| Cow::Owned(url.clone()))
        }
        "data" => {
            let (kind, data) = url.path().split_once(";base64,")?;
            let drawn = RASTER_TYPES.contains(&kind)
                && data
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b));
            drawn.then(|| Cow::Owned(format!("data:{kind};base64,{data}")))
        }
        "https" => {
            had_remote.store(true, Ordering::Relaxed);
            remote_images.then(|| Cow::Owned(url.into()))
        }
        "http" => {
            had_remote.store(true, Ordering::Relaxed);
            None
        }
        _ => None,
    }
}

/// Numbers, lengths, colours and words: all that the remaining attributes need.
fn plain(value: &str) -> Option<Cow<'_, str>> {
    let ok = value.len() <= 64
        && value
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || " #%.,-".contains(c));
    ok.then_some(Cow::Borrowed(value))
}

/// Attributes of any element. No `id`, no `class`: nothing here looks like, or is the target of,
/// anything of ours.
const ATTRIBUTES: [&str; 6] = ["style", "title", "dir", "lang", "align", "valign"];

const ELEMENT_ATTRIBUTES: [(&str, &[&str]); 9] = [
    ("a", &["href"]),
    ("img", &["src", "alt", "width", "height", "border"]),
    ("font", &["color", "size", "face"]),
    (
        "table",
        &[
            "width",
            "bgcolor",
            "border",
            "cellpadding",
            "cellspacing",
            "summary",
        ],
    ),
    ("tr", &["bgcolor", "height"]),
    ("td", &["width", "height", "bgcolor", "colspan", "rowspan"]),
    ("th", &["width", "height", "bgcolor", "colspan", "rowspan"]),
    ("ol", &["start", "type"]),
    ("col", &["width", "span"]),
];

const RASTER_TYPES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// HTML mail is made for white paper: it stays so in the dark.
const FRAME_STYLE: &str = "html{color-scheme:light;background:#fff;color:#1c1f23}\
body{margin:0;padding:12px;font:16px/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,sans-serif;overflow-wrap:anywhere}\
img{max-width:100%;height:auto}img:not([src]){border:1px dashed #8a9099;color:#4a4f57;min-width:0}\
table{max-width:100%}pre{white-space:pre-wrap;font:inherit}a{color:#0b57b0}\
blockquote{margin:8px 0;padding-inline-start:12px;border-inline-start:3px solid #b6bcc4}\
a:focus-visible{outline:3px solid #0b57b0;outline-offset:2px}";

static FRAME_STYLE_HASH: LazyLock<String> =
    LazyLock::new(|| format!("sha256-{}", STANDARD.encode(Sha256::digest(FRAME_STYLE))));
