//! The documents of clients that are known by a URL: from the world, or, for trying out, from where `--client-document` says.

use std::collections::BTreeMap;
use std::str::FromStr;

use regrant::fetch::{Fetch, FetchError, FetchLimits, FetchResponse, FetchUrl, ReqwestFetch};
use reqwest::redirect::Policy;

/// `ID=URL`: where the document of a client is fetched from instead.
#[derive(Clone, Debug)]
pub(crate) struct Instead {
    id: String,
    url: reqwest::Url,
}

impl FromStr for Instead {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // A query of the client's id may have the sign in it too; the URL begins with its scheme.
        let (id, url) = text
            .match_indices("=http")
            .last()
            .map(|(place, _)| (&text[..place], &text[place + 1..]))
            .ok_or("an https URL, =, and an http URL")?;
        let id = FetchUrl::parse(id).map_err(|_| "the id of a client is an https URL with a path")?;
        let url = url.parse().map_err(|_| "the document is at an http URL")?;
        Ok(Self { id: id.as_str().to_owned(), url })
    }
}

/// Both.
pub(crate) struct Documents {
    world: ReqwestFetch,
    instead: BTreeMap<String, reqwest::Url>,
    /// Without what the other one guards against: it goes where the command line says alone.
    plain: reqwest::Client,
}

impl Documents {
    pub(crate) fn new(instead: &[Instead]) -> Result<Self, Box<dyn std::error::Error>> {
        Ok(Self {
            world: ReqwestFetch::new()?,
            instead: instead.iter().map(|instead| (instead.id.clone(), instead.url.clone())).collect(),
            plain: reqwest::Client::builder().no_proxy().redirect(Policy::none()).build()?,
        })
    }

    async fn get(&self, url: &reqwest::Url, limits: &FetchLimits) -> Result<FetchResponse, FetchError> {
        let request = self.plain.get(url.clone()).timeout(limits.time());
        let mut answer = request.send().await.map_err(FetchError::failed)?;
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(FetchError::failed)? {
            body.extend_from_slice(&part);
            if body.len() > limits.body_bytes() {
                return Err(FetchError::TooLarge);
            }
        }
        let response = FetchResponse::new(answer.status().as_u16(), body);
        Ok(answer
            .headers()
            .iter()
            .fold(response, |all, (name, value)| all.with_header(name.as_str(), value.as_bytes())))
    }
}

impl Fetch for Documents {
    async fn fetch(&self, url: &FetchUrl, limits: &FetchLimits) -> Result<FetchResponse, FetchError> {
        match self.instead.get(url.as_str()) {
            Some(instead) => self.get(instead, limits).await,
            None => self.world.fetch(url, limits).await,
        }
    }
}
