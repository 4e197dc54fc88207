//! Bytes to types and back. No policy lives here: what a parameter means is for the rooms above.
//!
//! `Form`, `Parameters` and `BasicCredentials` are made in two steps: `unread` gives an empty one, and `read` fills it
//! where it stands. They are large enough for a move to be felt on the way of a refresh, and a move leaves a copy of what
//! was moved behind, which nothing wipes. Elsewhere `parse` does both.

pub(crate) mod basic;
mod error_code;
pub(crate) mod form;
mod form_post;
mod limits;
mod location;
mod marks;
mod media_type;
mod parameters;
mod percent;
mod request;
mod response;
mod style;
mod text;
mod token_answer;
mod uri;

pub(crate) use basic::{BasicCredentials, BasicError};
pub(crate) use error_code::is_error_text;
pub use error_code::{ErrorCode, InvalidErrorCode};
pub(crate) use form::Form;
pub use form::FormError;
pub(crate) use form_post::form_post;
pub use limits::Limits;
pub(crate) use location::location;
pub(crate) use media_type::{essence, is_form_urlencoded, is_json};
pub(crate) use parameters::{ParameterFault, Parameters, is_defined};
pub(crate) use request::Header;
pub use request::Request;
#[cfg(feature = "jwt")]
pub(crate) use response::PUBLIC_MAX_AGE;
pub use response::Response;
pub use style::ResponseStyle;
pub(crate) use text::has_control;
pub(crate) use token_answer::TokenAnswer;
#[cfg(feature = "proof")]
pub(crate) use uri::is_loopback_url;
pub(crate) use uri::{ends_in_a_number, is_read_otherwise, normal_form, read_uri, web_host};
