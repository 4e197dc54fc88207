//! How an answer travels: OAuth 2.0 Multiple Response Types section 2.1, Form Post Response Mode, and JARM section 2.3.

use crate::client::{Client, Clients};
use crate::engine::Engine;
use crate::engine::refusal::{AuthorizationRefusal, Refusal, ServerFault};
use crate::grant::Timestamp;
use crate::store::TokenStore;
use crate::wire::{Form, Response, form_post, location};

/// `response_mode` of an authorization request.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct ResponseMode {
    /// By a form that the browser posts, or else by the query of a redirect.
    post: bool,
    /// As one JWT, or else as parameters.
    signed: bool,
}

impl ResponseMode {
    /// `jwt` is the one that is usual for codes (JARM section 2.3.4). Of what is in a fragment a server sees nothing, so it is no
    /// mode for codes.
    fn parse(text: &str) -> Option<Self> {
        let (post, signed) = match text {
            "query" => (false, false),
            "form_post" => (true, false),
            "jwt" | "query.jwt" => (false, true),
            "form_post.jwt" => (true, true),
            _ => return None,
        };
        Some(Self { post, signed })
    }
}

/// Where the answer to a request goes, and how.
#[derive(Clone, Copy)]
pub(super) struct ReturnTo<'r> {
    pub(super) client: &'r Client,
    pub(super) redirect_uri: &'r str,
    pub(super) state: Option<&'r str>,
    pub(super) mode: ResponseMode,
}

/// An answer on its way.
pub(super) struct Answer {
    pub(super) response: Response,
    /// The same as a link, which can be no form.
    pub(super) url: String,
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// What is written in `response_mode`, where this engine has it for this client.
    pub(super) fn asked_mode(
        &self,
        client: &Client,
        form: &Form<'_>,
        now: Timestamp,
    ) -> Result<ResponseMode, AuthorizationRefusal> {
        let Some(text) = form.single("response_mode").ok().flatten() else { return Ok(ResponseMode::default()) };
        let mode = ResponseMode::parse(text).ok_or(AuthorizationRefusal::ResponseMode)?;
        let is_on = (!mode.post || self.settings.form_post) && (!mode.signed || self.signs_answers_to(client, now));
        if is_on { Ok(mode) } else { Err(AuthorizationRefusal::ResponseMode) }
    }

    pub(in crate::engine) fn response_modes(&self) -> Vec<&'static str> {
        let (post, signed) = (self.settings.form_post, self.settings.signed_answers);
        let modes = [
            ("query", true),
            ("form_post", post),
            ("jwt", signed),
            ("query.jwt", signed),
            ("form_post.jwt", post && signed),
        ];
        modes.into_iter().filter(|(_, is_on)| *is_on).map(|(name, _)| name).collect()
    }

    pub(super) fn error_answer(&self, to: ReturnTo<'_>, why: Refusal, now: Timestamp) -> Result<Answer, ServerFault> {
        self.answer_to(to, &[("error", why.code().as_str()), ("error_description", why.description())], now)
    }

    /// Parameters of ours, then `state` as it came and `iss` (RFC 9207 section 2), which a JWT has among its claims.
    pub(super) fn answer_to(
        &self,
        to: ReturnTo<'_>,
        ours: &[(&'static str, &str)],
        now: Timestamp,
    ) -> Result<Answer, ServerFault> {
        let ReturnTo { client, redirect_uri, state, mode } = to;
        let state = state.map(|state| ("state", state));
        let parameters = ours.iter().copied().chain(state);
        let signed;
        let parameters: Vec<(&'static str, &str)> = if mode.signed {
            signed = self.sign_answer(client, parameters, now)?;
            vec![("response", &*signed)]
        } else {
            parameters.chain(self.issuer().map(|issuer| ("iss", issuer))).collect()
        };
        let url = location(redirect_uri, parameters.iter().copied());
        let response = if mode.post {
            Response::page(form_post(redirect_uri, parameters))
        } else {
            Response::see_other(url.clone())
        };
        Ok(Answer { response, url })
    }
}
