//! The examples of the RFCs.

use super::dpop::{Presented, Proof, ProofFault, Verifier};
use super::*;

const HEADER: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJ\
                      oRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19";
const TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
const JKT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

/// RFC 9449 sections 4.1 and 5: the proof of a token request.
#[test]
fn a_proof_for_the_token_endpoint_of_rfc_9449() {
    let text = format!(
        "{HEADER}.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwi\
         aWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
    );
    let request = Presented::new("POST", "https://server.example.com/token");
    let proven = Verifier::new().verify([&text], &request, Timestamp::from_secs(1_562_262_616)).unwrap();
    assert_eq!((proven.jti(), proven.thumbprint().to_string().as_str()), ("-BwC3ESc6acc2lTc", JKT));
    assert_eq!(proven.fresh_until(), Some(Timestamp::from_secs(1_562_262_676)));
    assert_eq!(proven.nonce_given_at(), None);
}

/// RFC 9449 section 5: the proof of a refresh, 45 minutes later.
#[test]
fn a_proof_for_a_refresh_of_rfc_9449() {
    let text = format!(
        "{HEADER}.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwi\
         aWF0IjoxNTYyMjY1Mjk2fQ.pAqut2IRDm_De6PR93SYmGBPXpwrAk90e8cP2hjiaG5QsGSuKDYW7_X620BxqhvYC8ynrrvZLTk41mSRroapUA"
    );
    let request = Presented::new("POST", "https://server.example.com/token");
    let verify = |request: &Presented<'_>, secs| Verifier::new().verify([&text], request, Timestamp::from_secs(secs));
    assert_eq!(verify(&request, 1_562_265_296).unwrap().thumbprint().to_string(), JKT);
    assert_eq!(verify(&request, 1_562_262_616), Err(ProofFault::Ahead), "when the first was made");
    // It is for no resource, with or without a token.
    let resource = Presented::new("GET", "https://resource.example.org/protectedresource");
    assert_eq!(verify(&resource, 1_562_265_296), Err(ProofFault::Method));
    assert!(verify(&request.with_access_token(TOKEN), 1_562_265_296).is_err());
}

/// RFC 9449 sections 7.1 and 6.1: the proof of a request to a resource, and the `cnf` that it answers.
#[test]
fn a_proof_for_a_resource_of_rfc_9449() {
    let text = format!(
        "{HEADER}.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0\
         ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP3\
         5yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
    );
    let now = Timestamp::from_secs(1_562_262_618);
    let request = Presented::new("GET", "https://resource.example.org/protectedresource").with_access_token(TOKEN);
    let verifier = Verifier::new();
    let proven = verifier.verify([&text], &request.with_bound_key(JKT.parse().unwrap()), now).unwrap();
    assert_eq!(proven.jti(), "e1j3V_bKic8-LAEB");
    let other = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k".parse().unwrap();
    assert_eq!(verifier.verify([&text], &request.with_bound_key(other), now), Err(ProofFault::OtherKey));
}

/// RFC 7638 section 3.1, out of a JWK as it stands there.
#[test]
fn a_thumbprint_of_rfc_7638() {
    let keys = ClientKeys::from_json(
        br#"{"keys":[{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}]}"#,
    )
    .unwrap();
    assert_eq!(keys.thumbprints().next().unwrap().to_string(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

/// RFC 7515 appendices A.1 to A.3 and RFC 8037 appendix A.4: signatures that others made. What they sign has line breaks in
/// it, which are not for us to judge.
#[test]
fn signatures_of_rfc_7515_and_8037() {
    const CLAIMS: &str =
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let rs256 = format!(
        "eyJhbGciOiJSUzI1NiJ9.{CLAIMS}.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5j\
         ujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn\
         6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGl\
         UPQGe77Rw"
    );
    let es256 = format!(
        "eyJhbGciOiJFUzI1NiJ9.{CLAIMS}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    );
    for (text, holder) in [(&rs256, Holder::Rsa), (&es256, Holder::P256)] {
        let jws = jws::Jws::read(text.as_bytes(), 1_024).unwrap();
        for other in Holder::ALL {
            let key = jwk::read_public_key(other.jwk().as_object().unwrap()).unwrap();
            assert_eq!(jws.is_signed_by(&key), other == holder, "{other:?}");
        }
    }
    let hs256 =
        format!("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{CLAIMS}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    let secret = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    let secret = URL_SAFE_NO_PAD.decode(secret).unwrap();
    let jws = jws::Jws::read(hs256.as_bytes(), 1_024).unwrap();
    assert!(jws.is_signed_by_secret(&secret) && !jws.is_signed_by_secret(&secret[1..]));
    // RFC 8037's payload is no JSON object; its key and thumbprint are.
    let jwk = Holder::Ed25519.jwk();
    assert_eq!(jwk["x"], "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    assert_eq!(set(&[jwk]).thumbprints().next().unwrap().to_string(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

/// RFC 9101 section 4: a request that was signed by somebody else's code, and its key. It says no `exp`, which is demanded here.
#[test]
fn a_request_of_rfc_9101() {
    let text = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsyYmRjIn0.ewogICAgImlzcyI6ICJzNkJoZFJrcXQzIiwKICAgICJhdWQiOiAiaHR0cHM6Ly9z\
                ZXJ2ZXIuZXhhbXBsZS5jb20iLAogICAgInJlc3BvbnNlX3R5cGUiOiAiY29kZSBpZF90b2tlbiIsCiAgICAiY2xpZW50X2lkIjogInM2\
                QmhkUmtxdDMiLAogICAgInJlZGlyZWN0X3VyaSI6ICJodHRwczovL2NsaWVudC5leGFtcGxlLm9yZy9jYiIsCiAgICAic2NvcGUiOiAi\
                b3BlbmlkIiwKICAgICJzdGF0ZSI6ICJhZjBpZmpzbGRraiIsCiAgICAibm9uY2UiOiAibi0wUzZfV3pBMk1qIiwKICAgICJtYXhfYWdl\
                IjogODY0MDAKfQ.Nsxa_18VUElVaPjqW_ToI1yrEJ67BgKb5xsuZRVqzGkfKrOIX7BCx0biSxYGmjK9KJPctH1OC0iQJwXu5YVY-vnW0\
                _PLJb1C2HG-ztVzcnKZC2gE4i0vgQcpkUOCpW3SEYXnyWnKzuKzqSb1wAZALo5f89B_p6QA6j6JwBSRvdVsDPdulW8lKxGTbH82czCaQ\
                50rLAg3EYLYaCb4ik4I1zGXE4fvim9FIMs8OCMmzwIB5S-ujFfzwFjoyuPEV4hJnoVUmXR_W9typPf846lGwA8h9G9oNTIuX8Ft2jfpn\
                ZdFmLg3_wr3Wa5q3a-lfbgF3S9H_8nN3j1i7tLR_5Nz-g";
    let n = "x5RbkAZkmpRxia65qRQ1wwSMSxQUnS7gcpVTV_cdHmfmG2ltd2yabEO9XadD8pJNZubINPpmgHh3J1aD9WRwS05ucmFq3CfFsluLt13_\
             7oX5yDRSKX7poXmT_5ko8k4NJZPMAO8fPToDTH7kHYbONSE2FYa5GZ60CUsFhSonI-dcMDJ0Ary9lxIw5k2z4TAdARVWcS7sD07VhlMM\
             shrwsPHBQgTatlkxyIHXbYdtak8fqvNAwr7OlVEvM_Ipf5OfmdB8Sd-wjzaBsyP4VhJKoi_qdgSzpC694XZeYPq45Sw-q51iFUlcOlTC\
             I7z6jltUtnR6ySn6XDGFnzH5Fe5ypw";
    let keys = set(&[json!({"kty": "RSA", "kid": "k2bdc", "n": n, "e": "AQAB"})]);
    let object = RequestObject::read(text.as_bytes()).unwrap();
    assert!(object.knows_key(&keys) && !object.knows_key(&Holder::Rsa.keys()));
    let parameters = object.verify(&keys, None).unwrap();
    let parameters: Vec<(&str, &str)> = parameters.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    assert_eq!(
        parameters,
        [
            ("client_id", "s6BhdRkqt3"),
            ("max_age", "86400"),
            ("nonce", "n-0S6_WzA2Mj"),
            ("redirect_uri", "https://client.example.org/cb"),
            ("response_type", "code id_token"),
            ("scope", "openid"),
            ("state", "af0ifjsldkj"),
        ]
    );
    let rules = RequestObjectRules::new("s6BhdRkqt3", "https://server.example.com");
    assert_eq!(object.check(&rules, NOW), Err(ClaimFault::Missing.into()));
    let other = object.verify(&keys, Some(JwsAlgorithm::Ps256));
    assert_eq!(other.err(), Some(RequestObjectFault::Algorithm));
    // One letter of what was signed.
    let other = text.replacen("ewogIC", "ewogID", 1);
    assert!(RequestObject::read(other.as_bytes()).and_then(|object| object.verify(&keys, None)).is_err());
}

/// RFC 9864 section 2.2: one signature under two names.
#[test]
fn ed25519_has_two_names() {
    for name in ["EdDSA", "Ed25519"] {
        let header = with(&proof_header(Holder::Ed25519), "alg", json!(name));
        let text = Holder::Ed25519.jwt(&header, &proof_claims());
        let proof = Proof::read(text.as_bytes()).unwrap();
        assert_eq!(proof.algorithm().as_str(), name);
        assert!(proof.verify_signature().is_ok());
    }
}
