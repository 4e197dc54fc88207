//! Bytes to types and back. No policy lives here: what a parameter means is for the rooms above.

mod basic;
mod equal;
mod error_code;
mod form;
mod limits;
mod location;
mod marks;
mod media_type;
mod percent;
mod request;
mod response;
mod text;
mod uri;

pub use basic::{BasicCredentials, BasicError};
pub(crate) use equal::constant_time_eq;
pub use error_code::ErrorCode;
pub(crate) use error_code::is_error_text;
pub use form::{Form, FormError, Repeated};
pub use limits::Limits;
pub(crate) use location::location;
pub use request::Request;
pub(crate) use request::{Header, ParameterFault, Parameters, is_defined};
pub(crate) use response::TokenAnswer;
pub use response::{Response, ResponseStyle};
pub(crate) use text::{has_control, wipe};
pub(crate) use uri::{read_uri, web_host};

pub(crate) use media_type::is_form_urlencoded;
