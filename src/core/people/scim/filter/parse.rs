//! Reads a filter (RFC 7644, figure 1): `or` binds weakest, then `and`, then `not` and what is in
//! parentheses. Beside the grammar, what Microsoft Entra ID writes is read: `emails[type eq
//! "work"].value eq "..."`.
//!
//! Everything is bounded: characters, terms, and how deep parentheses go.

use serde_json::Value;

use super::{Filter, Operator, as_bool};
use crate::limits;
use crate::people::scim::path::Path;
use crate::people::scim::problem::ScimError;
use crate::people::scim::schema::{self, Attribute, Kind, Resource};
use crate::time::Timestamp;

/// Reads a filter on resources of this kind; else 400 `invalidFilter`.
pub fn filter(resource: &'static Resource, text: &str) -> Result<Filter, ScimError> {
    Parser::new(resource, None, text)?.whole()
}

/// Reads a filter on the values of a multi-valued attribute.
pub fn inside(
    resource: &'static Resource,
    attribute: &'static Attribute,
    text: &str,
) -> Result<Filter, ScimError> {
    Parser::new(resource, Some(attribute), text)?.whole()
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Sign(char),
}

struct Parser {
    resource: &'static Resource,
    /// The attribute whose values are asked, inside of `[` and `]`.
    inside: Option<&'static Attribute>,
    /// What is left, the next at the end.
    tokens: Vec<Token>,
    depth: usize,
}

impl Parser {
    fn new(
        resource: &'static Resource,
        inside: Option<&'static Attribute>,
        text: &str,
    ) -> Result<Self, ScimError> {
        if text.len() > limits::SCIM_FILTER_CHARS {
            return Err(bad(format!(
                "a filter has {} characters at most",
                limits::SCIM_FILTER_CHARS
            )));
        }
        let mut tokens = tokens(text)?;
        tokens.reverse();
        Ok(Self {
            resource,
            inside,
            tokens,
            depth: 0,
        })
    }

    fn whole(mut self) -> Result<Filter, ScimError> {
        let filter = self.any()?;
        match self.tokens.pop() {
            None => Ok(filter),
            Some(token) => Err(unexpected(Some(&token), "the end")),
        }
    }

    fn any(&mut self) -> Result<Filter, ScimError> {
        self.depth += 1;
        if self.depth > limits::SCIM_FILTER_DEPTH {
            return Err(bad("the filter is nested too deep"));
        }
        let mut terms = vec![self.all()?];
        while self.next_is("or") {
            terms.push(self.all()?);
        }
        self.depth -= 1;
        Ok(one_or(terms, Filter::Any))
    }

    fn all(&mut self) -> Result<Filter, ScimError> {
        let mut terms = vec![self.term()?];
        while self.next_is("and") {
            terms.push(self.term()?);
        }
        Ok(one_or(terms, Filter::All))
    }

    fn term(&mut self) -> Result<Filter, ScimError> {
        if self.next_is("not") {
            // `not` is always in front of parentheses, but nobody can mean anything else without.
            self.depth += 1;
            if self.depth > limits::SCIM_FILTER_DEPTH {
                return Err(bad("the filter is nested too deep"));
            }
            let inner = self.term()?;
            self.depth -= 1;
            return Ok(Filter::Not(Box::new(inner)));
        }
        match self.tokens.pop() {
            Some(Token::Sign('(')) => {
                let inner = self.any()?;
                self.sign(')')?;
                Ok(inner)
            }
            Some(Token::Word(name)) => self.expression(&name),
            other => Err(unexpected(other.as_ref(), "an attribute")),
        }
    }

    fn expression(&mut self, name: &str) -> Result<Filter, ScimError> {
        let path = self.path(name)?;
        if self.tokens.last() != Some(&Token::Sign('[')) {
            return self.comparison(path);
        }
        self.tokens.pop();
        let attribute = path.attribute.filter(|_| path.part.is_none());
        let Some(attribute) = attribute.filter(|_| self.inside.is_none()) else {
            return Err(bad(format!("{name} has no values to choose from")));
        };
        let outer = self.inside.replace(attribute);
        let mut inner = self.any()?;
        self.sign(']')?;
        if let Some(Token::Word(word)) = self.tokens.last()
            && let Some(part) = word.strip_prefix('.')
        {
            let part = self.path(part)?;
            self.tokens.pop();
            inner = Filter::All(vec![inner, self.comparison(part)?]);
        }
        self.inside = outer;
        Ok(Filter::Each(path, Box::new(inner)))
    }

    fn comparison(&mut self, path: Path) -> Result<Filter, ScimError> {
        let word = match self.tokens.pop() {
            Some(Token::Word(word)) => word.to_ascii_lowercase(),
            other => return Err(unexpected(other.as_ref(), "an operator")),
        };
        if word == "pr" {
            return Ok(Filter::Has(path));
        }
        let operator = operator(&word)?;
        let value = match self.tokens.pop() {
            Some(Token::Text(text)) => Value::String(text),
            Some(Token::Word(word)) => literal(&word)?,
            other => return Err(unexpected(other.as_ref(), "a value")),
        };
        check(&path, operator, &value)?;
        Ok(Filter::Is(path, operator, value))
    }

    fn path(&self, name: &str) -> Result<Path, ScimError> {
        let path = match self.inside {
            None => Path::parse(self.resource, name),
            Some(attribute) => {
                let value = name.eq_ignore_ascii_case("value");
                let part = match attribute.kind {
                    Kind::Complex => attribute.part(name),
                    _ => Some(&VALUE).filter(|_| value),
                };
                part.map(|part| Path {
                    extension: None,
                    attribute: Some(part),
                    part: None,
                })
            }
        };
        let path = path.filter(|path| path.attribute.is_some());
        path.ok_or_else(|| {
            let of = self.inside.map_or(self.resource.name, |inside| inside.name);
            bad(format!("{of} has no attribute {name:?}"))
        })
    }

    fn next_is(&mut self, word: &str) -> bool {
        let is = matches!(self.tokens.last(), Some(Token::Word(next)) if next.eq_ignore_ascii_case(word));
        if is {
            self.tokens.pop();
        }
        is
    }

    fn sign(&mut self, sign: char) -> Result<(), ScimError> {
        match self.tokens.pop() {
            Some(Token::Sign(next)) if next == sign => Ok(()),
            other => Err(unexpected(other.as_ref(), &format!("{sign:?}"))),
        }
    }
}

fn one_or(mut terms: Vec<Filter>, many: fn(Vec<Filter>) -> Filter) -> Filter {
    match terms.pop() {
        Some(only) if terms.is_empty() => only,
        Some(last) => {
            terms.push(last);
            many(terms)
        }
        None => many(terms),
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, ScimError> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if tokens.len() >= limits::SCIM_FILTER_TOKENS {
            return Err(bad("the filter has too many terms"));
        }
        let length = match first {
            '(' | ')' | '[' | ']' => {
                tokens.push(Token::Sign(first));
                1
            }
            '"' => {
                let mut texts = serde_json::Deserializer::from_str(rest).into_iter::<String>();
                let Some(Ok(text)) = texts.next() else {
                    return Err(bad("a text in quotes cannot be read"));
                };
                tokens.push(Token::Text(text));
                texts.byte_offset()
            }
            _ => {
                let end = rest.find(|c: char| c.is_whitespace() || "()[]\"".contains(c));
                let word = end.and_then(|end| rest.get(..end)).unwrap_or(rest);
                tokens.push(Token::Word(word.to_owned()));
                word.len()
            }
        };
        rest = rest.get(length..).unwrap_or_default().trim_start();
    }
    Ok(tokens)
}

fn operator(word: &str) -> Result<Operator, ScimError> {
    Ok(match word {
        "eq" => Operator::Eq,
        "ne" => Operator::Ne,
        "co" => Operator::Co,
        "sw" => Operator::Sw,
        "ew" => Operator::Ew,
        "gt" => Operator::Gt,
        "ge" => Operator::Ge,
        "lt" => Operator::Lt,
        "le" => Operator::Le,
        other => return Err(bad(format!("{other:?} is no operator"))),
    })
}

/// `true`, `false`, `null` and numbers; clients capitalise the first three.
fn literal(word: &str) -> Result<Value, ScimError> {
    let value = serde_json::from_str(&word.to_ascii_lowercase());
    value.map_err(|_| bad(format!("{word:?} is no value; a text stands in quotes")))
}

/// Refuses what could never be true because it makes no sense (RFC 7644, 3.4.2.2).
fn check(path: &Path, operator: Operator, value: &Value) -> Result<(), ScimError> {
    let Some(attribute) = path.part.or(path.attribute) else {
        return Ok(());
    };
    let equal = matches!(operator, Operator::Eq | Operator::Ne);
    if value.is_null() && equal {
        return Ok(());
    }
    let name = attribute.name;
    let good = match attribute.kind {
        Kind::Boolean => equal && as_bool(value).is_some(),
        Kind::DateTime => value.as_str().and_then(Timestamp::parse).is_some(),
        Kind::Complex => attribute.part("value").is_some() && !value.is_null(),
        _ => !value.is_null(),
    };
    if good {
        return Ok(());
    }
    Err(bad(format!("{name} cannot be compared so with {value}")))
}

fn unexpected(token: Option<&Token>, wanted: &str) -> ScimError {
    let found = match token {
        None => "the end".to_owned(),
        Some(Token::Word(word)) => format!("{word:?}"),
        Some(Token::Text(text)) => format!("the text {text:?}"),
        Some(Token::Sign(sign)) => format!("{sign:?}"),
    };
    bad(format!("there is {found} where {wanted} should be"))
}

fn bad(detail: impl Into<String>) -> ScimError {
    ScimError::bad("invalidFilter", detail)
}

/// What an element of a list of texts is called.
static VALUE: Attribute = schema::text("value", "The value");
