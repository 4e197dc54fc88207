//! What a host keeps with a grant or a client, for itself.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Data of the host's own: kept with a [grant](crate::Authorization::with_host_data) or a
/// [client](crate::client::ClientBuilder::host_data) and given back to the host alone. No response, token or event has it.
///
/// The engine does not look into it: bytes, or a value that serde writes as JSON. With a grant it is part of the stored
/// record, so it costs its bytes, [`MAX_BYTES`](Self::MAX_BYTES) at most, and lies in the store as it is: secrets belong
/// elsewhere.
///
/// ```
/// use regrant::HostData;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, PartialEq, Debug)]
/// struct Login {
///     tenant: u32,
///     device: String,
/// }
///
/// let data = HostData::of(&Login { tenant: 7, device: "Pixel 9".into() })?;
/// assert_eq!(data.read::<Login>()?.tenant, 7);
/// assert!(!format!("{data:?}").contains("Pixel"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct HostData(Arc<[u8]>);

/// Why data of a host cannot be kept, or read.
///
/// ```
/// use regrant::HostData;
/// use regrant::grant::HostDataError;
/// assert!(matches!(HostData::from_bytes(&[0; 5_000]), Err(HostDataError::TooLong)));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostDataError {
    /// More than [`HostData::MAX_BYTES`].
    #[error("more than {} bytes of data", HostData::MAX_BYTES)]
    TooLong,
    /// None at all: leave it out.
    #[error("data of no bytes")]
    Empty,
    /// The value cannot be written as JSON, or the bytes are no JSON of that type.
    #[error("the value cannot be written as JSON, or read from it")]
    Json(#[source] serde_json::Error),
}

impl HostData {
    /// The most bytes that it can have.
    pub const MAX_BYTES: usize = 4 * 1_024;

    /// A value, kept as JSON.
    ///
    /// # Errors
    ///
    /// [`HostDataError`] where serde cannot write it, or it is too long.
    ///
    /// ```
    /// let data = regrant::HostData::of("gold")?;
    /// assert_eq!(data.as_bytes(), br#""gold""#);
    /// # Ok::<(), regrant::grant::HostDataError>(())
    /// ```
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, HostDataError> {
        Self::from_bytes(&serde_json::to_vec(value).map_err(HostDataError::Json)?)
    }

    /// Bytes, of whatever form the host likes; at least one.
    ///
    /// # Errors
    ///
    /// [`HostDataError::TooLong`] and [`HostDataError::Empty`].
    ///
    /// ```
    /// let data = regrant::HostData::from_bytes(&[1, 2, 3])?;
    /// assert_eq!(data.as_bytes(), [1, 2, 3]);
    /// # Ok::<(), regrant::grant::HostDataError>(())
    /// ```
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, HostDataError> {
        match bytes.len() {
            0 => Err(HostDataError::Empty),
            1..=Self::MAX_BYTES => Ok(Self(bytes.into())),
            _ => Err(HostDataError::TooLong),
        }
    }

    /// The bytes as they were given, or the JSON.
    ///
    /// ```
    /// assert_eq!(regrant::HostData::of(&7)?.as_bytes(), b"7");
    /// # Ok::<(), regrant::grant::HostDataError>(())
    /// ```
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The value that [`of`](Self::of) wrote. A host whose type has changed since reads what its earlier versions wrote, for
    /// as long as a grant lives.
    ///
    /// # Errors
    ///
    /// [`HostDataError::Json`] where the bytes are no JSON of this type.
    ///
    /// ```
    /// let data = regrant::HostData::of(&7)?;
    /// assert_eq!(data.read::<u32>()?, 7);
    /// assert!(data.read::<String>().is_err());
    /// # Ok::<(), regrant::grant::HostDataError>(())
    /// ```
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, HostDataError> {
        serde_json::from_slice(&self.0).map_err(HostDataError::Json)
    }
}

impl fmt::Debug for HostData {
    /// The length alone: it is about people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostData({} bytes)", self.0.len())
    }
}
