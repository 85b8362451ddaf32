//! Inline styles: the few properties that make mail look as it was meant, and cannot do more.
//!
//! Values are words, numbers, colours and plain lists of them. No `url()`, no functions but
//! colours, no escapes, no comments, no strings but quoted font names: nothing that could load,
//! move out of its place, or lie over something else.

/// The harmless declarations of a `style` attribute; none where there is none.
pub fn harmless(style: &str) -> Option<String> {
    let mut kept = String::new();
    for declaration in style.split(';').take(MOST) {
        let Some((name, value)) = declaration.split_once(':') else {
            continue;
        };
        let name = name.trim().to_ascii_lowercase();
        let value = value.trim();
        let value = value
            .split_once('!')
            .map_or(value, |(value, _)| value)
            .trim();
        if PROPERTIES.contains(&name.as_str()) && is_plain(value) && !is_hiding(&name, value) {
            if !kept.is_empty() {
                kept.push(';');
            }
            kept.push_str(&name);
            kept.push(':');
            kept.push_str(value);
        }
    }
    (!kept.is_empty()).then_some(kept)
}

fn is_plain(value: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || " #%.,-()'\"".contains(c);
    if value.is_empty() || value.len() > 200 || !value.chars().all(allowed) {
        return false;
    }
    let quotes = |quote| value.matches(quote).count() % 2 == 0;
    // What stands before a bracket is a function's name.
    let mut functions = value.split('(').collect::<Vec<_>>();
    functions.pop();
    let colours = functions.iter().all(|before| {
        let name = before.rsplit([' ', ',', ')']).next().unwrap_or_default();
        ["rgb", "rgba", "hsl", "hsla"]
            .iter()
            .any(|colour| colour.eq_ignore_ascii_case(name))
    });
    let closed = value.matches('(').count() == value.matches(')').count();
    quotes('"') && quotes('\'') && colours && closed
}

/// Negative distances move things out of their place.
fn is_hiding(name: &str, value: &str) -> bool {
    let moves = name.starts_with("margin") || name.starts_with("padding") || name == "text-indent";
    moves && value.contains('-')
}

const MOST: usize = 60;

const PROPERTIES: [&str; 52] = [
    "background-color",
    "border",
    "border-bottom",
    "border-bottom-color",
    "border-bottom-style",
    "border-bottom-width",
    "border-collapse",
    "border-color",
    "border-left",
    "border-left-color",
    "border-left-style",
    "border-left-width",
    "border-radius",
    "border-right",
    "border-right-color",
    "border-right-style",
    "border-right-width",
    "border-spacing",
    "border-style",
    "border-top",
    "border-top-color",
    "border-top-style",
    "border-top-width",
    "border-width",
    "color",
    "direction",
    "font-family",
    "font-size",
    "font-style",
    "font-variant",
    "font-weight",
    "letter-spacing",
    "line-height",
    "list-style-type",
    "margin",
    "margin-bottom",
    "margin-left",
    "margin-right",
    "margin-top",
    "max-width",
    "padding",
    "padding-bottom",
    "padding-left",
    "padding-right",
    "padding-top",
    "text-align",
    "text-decoration",
    "text-transform",
    "vertical-align",
    "white-space",
    "width",
    "word-break",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_mail_needs_is_kept() {
        let kept = harmless(
            "COLOR: #333 !important; font-family:'Segoe UI',Arial; margin:0 auto;background-color:rgb(1, 2,3)",
        );
        assert_eq!(
            kept.as_deref(),
            Some(
                "color:#333;font-family:'Segoe UI',Arial;margin:0 auto;background-color:rgb(1, 2,3)"
            )
        );
    }

    #[test]
    fn what_loads_moves_or_covers_is_not() {
        for bad in [
            "background:url(https://x.example/)",
            "background-color:url(x)",
            "color:expression(alert(1))",
            "color:ex/**/pression(1)",
            "color:\\75rl(x)",
            "position:fixed;top:0;left:0;z-index:99",
            "width:calc(1px)",
            "margin-top:-500px",
            "behavior:url(x)",
            "-moz-binding:url(x)",
            "color:var(--x)",
            "font-family:\"x",
            "color:red}body{display:none",
            "content:'x'",
            "display:none",
            "@import 'x'",
            "list-style-image:url(x)",
            "color:rgb(url(x))",
            "background-color:image-set('x' 1x)",
        ] {
            assert_eq!(harmless(bad), None, "{bad}");
        }
    }
}
