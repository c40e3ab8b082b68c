//! Who is signed in, read from the token itself: no Graph permission is needed (contract §4.6).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// What kind of principal is signed in; role assignments want to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum PrincipalKind {
    /// A person.
    User,
    /// An application or a managed identity.
    ServicePrincipal,
}

/// The signed-in principal.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Principal {
    /// Object id in the resource's tenant; for an application that of its service principal.
    pub object_id: String,
    /// The tenant's GUID.
    pub tenant_id: String,
    /// User or service principal.
    pub kind: PrincipalKind,
    /// Sign-in name or application id, for display only.
    pub display: Option<String>,
    /// The application's client id; of a person that of the program by which they signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
}

impl Principal {
    /// Reads the claims of an ARM token. The signature is not checked: the token came from Entra over TLS and only tells us about ourselves.
    pub(super) fn of_token(token: &str) -> Option<Self> {
        let claims = token.split('.').nth(1)?.trim_end_matches('=');
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
        let text = |name: &str| claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
        // Old tokens lack `idtyp`; delegated ones carry scopes.
        let user = text("idtyp").map_or_else(|| claims.get("scp").is_some(), |kind| kind.eq_ignore_ascii_case("user"));
        Some(Self {
            object_id: text("oid")?,
            tenant_id: text("tid")?,
            kind: if user { PrincipalKind::User } else { PrincipalKind::ServicePrincipal },
            display: ["upn", "unique_name", "app_displayname", "appid", "azp"].into_iter().find_map(text),
            client_id: text("appid").or_else(|| text("azp")),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn token(claims: &Value) -> String {
        format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims.to_string()))
    }

    #[test]
    fn users_and_apps_are_told_apart() {
        let rows = [
            (json!({"oid": "o", "tid": "t", "idtyp": "user", "upn": "ann@x"}), PrincipalKind::User, Some("ann@x")),
            (json!({"oid": "o", "tid": "t", "idtyp": "app", "appid": "a"}), PrincipalKind::ServicePrincipal, Some("a")),
            (json!({"oid": "o", "tid": "t", "scp": "user_impersonation"}), PrincipalKind::User, None),
            (json!({"oid": "o", "tid": "t"}), PrincipalKind::ServicePrincipal, None),
        ];
        for (claims, kind, display) in rows {
            let found = Principal::of_token(&token(&claims)).unwrap();
            assert_eq!((found.kind, found.display.as_deref(), found.object_id.as_str()), (kind, display, "o"), "{claims}");
        }
    }

    #[test]
    fn what_is_no_jwt_is_nobody() {
        for bad in ["", "a.b.c", "opaque", &token(&json!({"tid": "t"}))] {
            assert_eq!(Principal::of_token(bad), None, "{bad}");
        }
    }
}
