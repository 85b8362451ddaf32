//! A user of the webmail, as a browser without scripts is one: it keeps cookies, follows redirects and
//! posts the hidden fields of the page that is open.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, bail, ensure};
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use totp_rs::{Builder, Secret};

use super::load;

/// One browser.
pub struct Visitor {
    address: SocketAddr,
    cookies: BTreeMap<String, String>,
    page: String,
}

impl Visitor {
    /// Somebody who has a link, and sets up everything on the first visit.
    pub async fn activated(address: SocketAddr, link: &str) -> Result<Self> {
        let mut visitor = Self {
            address,
            cookies: BTreeMap::new(),
            page: String::new(),
        };
        let path = link.find("/mail/").and_then(|at| link.get(at..));
        visitor.get(path.context("the link has no path")?).await?;
        let chosen = [("new", PASSWORD), ("again", PASSWORD)];
        visitor.post("/mail/activate", &chosen).await?;
        let code = visitor.code()?;
        visitor.post("/mail/activate", &[("code", &code)]).await?;
        Ok(visitor)
    }

    /// Opens a page.
    pub async fn get(&mut self, path: &str) -> Result<&str> {
        self.send("GET", path, Bytes::new()).await
    }

    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Result<&str> {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(hidden(&self.page));
        form.extend_pairs(fields);
        self.send("POST", path, form.finish().into()).await
    }

    async fn send(&mut self, method: &str, path: &str, body: Bytes) -> Result<&str> {
        let (mut method, mut path, mut body) = (method.to_owned(), path.to_owned(), body);
        for _ in 0..REDIRECTS {
            let cookies = self.cookies.iter();
            let cookies: Vec<String> = cookies
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            let request = Request::builder()
                .method(method.as_str())
                .uri(path.as_str())
                .header(header::HOST, self.address.to_string())
                .header(header::COOKIE, cookies.join("; "))
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
            let mut sender = load::connect(self.address).await?;
            let response = sender.send_request(request.body(Full::new(body.clone()))?);
            let (head, text) = response.await?.into_parts();
            for cookie in head.headers.get_all(header::SET_COOKIE) {
                let pair = cookie.to_str()?.split(';').next().unwrap_or_default();
                if let Some((name, value)) = pair.split_once('=') {
                    self.cookies.insert(name.to_owned(), value.to_owned());
                }
            }
            let text = text.collect().await?.to_bytes();
            let to = head.headers.get(header::LOCATION);
            if let Some(to) = to.filter(|_| head.status == StatusCode::SEE_OTHER) {
                (method, path, body) = ("GET".into(), to.to_str()?.to_owned(), Bytes::new());
                continue;
            }
            self.page = String::from_utf8_lossy(&text).into_owned();
            ensure!(head.status == StatusCode::OK, "{path}: {}", head.status);
            return Ok(&self.page);
        }
        bail!("{path} sends round in circles")
    }

    /// What an authenticator app shows for the key on the page.
    fn code(&self) -> Result<String> {
        let key = self.page.split_once("class=\"key\"");
        let key = key.and_then(|(_, rest)| rest.split(['>', '<']).nth(1));
        let key: String = key
            .context("the page shows no key")?
            .split_whitespace()
            .collect();
        let secret = Secret::try_from_base32(key).map_err(|error| anyhow!("{error:?}"))?;
        let totp = Builder::new().with_secret(secret).build();
        let totp = totp.map_err(|error| anyhow!("{error:?}"))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        Ok(totp.generate(now.as_secs()).to_string())
    }
}

/// The hidden fields of the first form that has them.
fn hidden(page: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for input in page.split("<input").skip(1) {
        let tag = input.split('>').next().unwrap_or_default();
        let value = |name: &str| {
            let rest = tag.split_once(&format!(" {name}=\""))?.1;
            Some(rest.split_once('"')?.0.to_owned())
        };
        if value("type").as_deref() == Some("hidden")
            && let Some(name) = value("name")
        {
            found
                .entry(name)
                .or_insert(value("value").unwrap_or_default());
        }
    }
    found
}

const PASSWORD: &str = "seven green tractors";
const REDIRECTS: u32 = 4;
