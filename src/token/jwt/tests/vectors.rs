//! The examples of the RFCs.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;
use crate::token::jwt::id_token::hs256;
use crate::token::jwt::public::PublicKey;

const CLAIMS: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

fn bytes(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).expect("base64url")
}

/// RFC 7515 appendix A.1.
#[test]
fn hs256_of_rfc_7515() {
    let secret = bytes("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow");
    let message = format!("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{CLAIMS}");
    let mac = hs256(&secret, message.as_bytes()).unwrap();
    assert_eq!(URL_SAFE_NO_PAD.encode(mac), "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
}

/// RFC 7515 appendix A.2: the signature is the same every time.
#[test]
fn rs256_of_rfc_7515() {
    let message = format!("eyJhbGciOiJSUzI1NiJ9.{CLAIMS}");
    let expected = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdb\
                    F9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383\
                    LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWy\
                    wlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    assert_eq!(URL_SAFE_NO_PAD.encode(RSA.sign(message.as_bytes()).unwrap()), expected);
    assert!(RSA.verify(message.as_bytes(), &bytes(expected)));
    assert!(!RSA.verify(b"another", &bytes(expected)));
}

/// RFC 7515 appendix A.3.
#[test]
fn es256_of_rfc_7515() {
    let message = format!("eyJhbGciOiJFUzI1NiJ9.{CLAIMS}");
    let signature = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    assert!(P_256.verify(message.as_bytes(), &bytes(signature)));
    assert!(!P_256.verify(b"another", &bytes(signature)));
    assert_eq!(P_256.sign(message.as_bytes()).unwrap().len(), 64);
}

/// RFC 8037 appendices A.3 to A.5.
#[test]
fn eddsa_of_rfc_8037() {
    let message = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    let expected = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    assert_eq!(URL_SAFE_NO_PAD.encode(ED25519.sign(message).unwrap()), expected);
    assert!(ED25519.verify(message, &bytes(expected)));
    assert!(!ED25519.verify(b"another", &bytes(expected)));
    assert_eq!(ED25519.kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    assert!(ED25519.jwk().contains(r#""x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#));
}

/// RFC 7638 section 3.1.
#[test]
fn thumbprint_of_rfc_7638() {
    let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknj\
             hMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQ\
             vRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzK\
             nqDKgw";
    let key = PublicKey::Rsa { n: bytes(n), e: bytes("AQAB") };
    assert_eq!(&key.kid(), b"NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

/// OpenID Connect Core appendix A.3.
#[test]
fn at_hash_of_openid_connect() {
    let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
    assert_eq!(half_hash(SigningAlgorithm::Rs256.into(), token), "77QmUPtjPfzWtF2AnpK9RQ");
    assert_eq!(half_hash(SigningAlgorithm::Es256.into(), token), "77QmUPtjPfzWtF2AnpK9RQ");
    assert_eq!(half_hash(IdTokenKey::ClientSecret(b"s").half_hash(), token), "77QmUPtjPfzWtF2AnpK9RQ");
    assert_eq!(half_hash(SigningAlgorithm::EdDsa.into(), token), "q7nS86GgvvFaZkzALLWqJYaJIKw2wCDAVfCAsm5CrBM");
}
