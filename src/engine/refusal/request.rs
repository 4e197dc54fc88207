//! Refusals of a request by its form.

use crate::wire::{ErrorCode, FormError, ParameterFault};

/// What is wrong with the form of a request, whoever sent it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestRefusal {
    /// Another method than POST.
    #[error("the method is not POST")]
    Method,
    /// Another method than GET and POST, at the authorization endpoint.
    #[error("the method is neither GET nor POST")]
    GetOrPost,
    /// Another content type than `application/x-www-form-urlencoded`, or none, or two.
    #[error("the content type is not application/x-www-form-urlencoded")]
    ContentType,
    /// The body is not a form that is read.
    #[error("the body is not a form: {0}")]
    Form(#[from] FormError),
    /// The body broke off before its end.
    #[error("the body broke off")]
    BrokenBody,
    /// A parameter that a specification defines, or a handler wants once, is there twice.
    #[error("a parameter is repeated")]
    RepeatedParameter,
    /// A parameter that a specification defines has a control character.
    #[error("a parameter has a control character")]
    ControlCharacter,
    /// A parameter that the grant type needs is absent.
    #[error("a parameter is missing")]
    MissingParameter,
}

impl RequestRefusal {
    /// `invalid_request`, for each of them.
    pub const fn code(self) -> ErrorCode {
        ErrorCode::InvalidRequest
    }
}

impl From<ParameterFault> for RequestRefusal {
    fn from(fault: ParameterFault) -> Self {
        match fault {
            ParameterFault::Repeated => Self::RepeatedParameter,
            ParameterFault::ControlCharacter => Self::ControlCharacter,
        }
    }
}
