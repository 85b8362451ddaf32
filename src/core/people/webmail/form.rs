//! A form's field: its label above it, its hint and its error below, all tied together for who
//! does not see them (WCAG 2.2, 1.3.1, 3.3.1 to 3.3.3).

use maud::{Markup, html};

/// One line to type into.
#[derive(Clone, Copy, Debug, Default)]
pub struct Field<'a> {
    /// The name it is sent under, and its id.
    pub name: &'a str,
    /// What it is.
    pub label: &'a str,
    /// `text`, `password`, `search`; empty = `text`.
    pub kind: &'a str,
    /// What is in it.
    pub value: &'a str,
    /// How it is filled in.
    pub hint: Option<&'a str>,
    /// What is wrong with it.
    pub error: Option<&'a str>,
    /// What browsers may fill in (WCAG 2.2, 1.3.5).
    pub autocomplete: &'a str,
    /// Digits only: phones show such keys.
    pub digits: bool,
    /// It may stay empty.
    pub optional: bool,
}

impl Field<'_> {
    /// The field with its label, hint and error.
    pub fn markup(&self) -> Markup {
        let described = described_by(self.name, self.hint.is_some(), self.error.is_some());
        let kind = if self.kind.is_empty() {
            "text"
        } else {
            self.kind
        };
        let spoken = kind == "password" || self.digits;
        html! {
            div class="field" {
                label for=(self.name) { (self.label) }
                input id=(self.name) name=(self.name) type=(kind) value=(self.value)
                    autocomplete=(if self.autocomplete.is_empty() { "off" } else { self.autocomplete })
                    inputmode=[self.digits.then_some("numeric")]
                    autocapitalize=[(kind != "search").then_some("none")]
                    spellcheck=[spoken.then_some("false")]
                    required[!self.optional]
                    aria-describedby=[described]
                    aria-invalid=[self.error.map(|_| "true")];
                (after(self.name, self.hint, self.error))
            }
        }
    }
}

/// The ids of a field's hint and error, for `aria-describedby`.
pub fn described_by(name: &str, hint: bool, error: bool) -> Option<String> {
    let ids: Vec<String> = [(hint, "hint"), (error, "error")]
        .into_iter()
        .filter(|(there, _)| *there)
        .map(|(_, kind)| format!("{name}-{kind}"))
        .collect();
    (!ids.is_empty()).then(|| ids.join(" "))
}

/// A field's hint and error.
pub fn after(name: &str, hint: Option<&str>, error: Option<&str>) -> Markup {
    html! {
        @if let Some(hint) = hint { p class="hint" id={ (name) "-hint" } { (hint) } }
        @if let Some(error) = error { p class="wrong" id={ (name) "-error" } { (error) } }
    }
}
