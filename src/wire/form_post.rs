//! A page that sends its form by itself: OAuth 2.0 Form Post Response Mode section 2.

/// The one script there is. [`POLICY`] has its digest.
const SCRIPT: &str = "document.forms[0].submit()";

/// Nothing but that script is run or loaded, whatever stands in the page. `form-action` is not among it: some browsers hold
/// redirects against it too that follow the post, and where a client's server leads next is its own affair.
pub(crate) const POLICY: &str =
    "default-src 'none'; script-src 'sha256-ePniVEkSivX/c7XWBGafqh8tSpiRrKiqYeqbG7N1TOE='; base-uri 'none'";

/// The page, as UTF-8. Where no script runs, the person presses the button.
pub(crate) fn form_post<'a>(action: &str, parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut page = String::with_capacity(1_024);
    page.push_str(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>One moment</title></head><body>",
    );
    page.push_str("<form method=\"post\" action=\"");
    escape(&mut page, action);
    page.push_str("\">");
    for (name, value) in parameters {
        page.push_str("<input type=\"hidden\" name=\"");
        escape(&mut page, name);
        page.push_str("\" value=\"");
        escape(&mut page, value);
        page.push_str("\">");
    }
    page.push_str("<noscript><button type=\"submit\">Continue</button></noscript></form><script>");
    page.push_str(SCRIPT);
    page.push_str("</script></body></html>");
    page
}

/// For the value of an attribute in double quotes. Line breaks are written as references, since a parser makes one of two.
fn escape(page: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => page.push_str("&amp;"),
            '<' => page.push_str("&lt;"),
            '>' => page.push_str("&gt;"),
            '"' => page.push_str("&quot;"),
            '\'' => page.push_str("&#39;"),
            '\r' => page.push_str("&#13;"),
            '\n' => page.push_str("&#10;"),
            other => page.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn the_policy_is_of_this_script() {
        assert!(POLICY.contains(&format!("'sha256-{}'", STANDARD.encode(Sha256::digest(SCRIPT)))));
    }

    /// What came from a stranger stays a value.
    #[test]
    fn nothing_ends_an_attribute() {
        let page = form_post("https://a/cb?x=1&y='\"", [("state", "\"><script>alert(1)</script>'&amp;\r\n\u{e9}")]);
        assert!(page.contains("action=\"https://a/cb?x=1&amp;y=&#39;&quot;\""));
        assert!(
            page.contains("value=\"&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&#39;&amp;amp;&#13;&#10;\u{e9}\"")
        );
        assert_eq!(page.matches("<script>").count(), 1);
    }
}
