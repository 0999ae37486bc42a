//! Who sends a request, as far as handlers have to know.

use std::{fmt, sync::Arc};

use actix_web::{HttpMessage, HttpRequest};

use super::{
    challenge::{self, Refusal},
    scope::{Scope, Scopes},
};
use crate::http::problem::Problem;

/// Who sends a request.
#[derive(Clone, PartialEq, Eq)]
pub struct Caller {
    principal: Arc<str>,
    scopes: Scopes,
}

/// What is known of the sender once the listener has looked at the credentials; stands in the request's extensions.
#[derive(Clone, Debug)]
pub(in crate::http) struct Identity(pub(super) Result<Caller, Refusal>);

impl Identity {
    /// The caller, if it is known.
    pub(in crate::http) fn caller(&self) -> Option<&Caller> {
        self.0.as_ref().ok()
    }

    /// Why the request is refused before any handler has it, if it is. A page says by itself that nobody has signed in.
    pub(in crate::http) fn refused(&self) -> Option<Problem> {
        match &self.0 {
            Ok(_) | Err(Refusal::SessionEnded | Refusal::SessionUnsure) => None,
            Err(refusal) => Some(refusal.problem()),
        }
    }
}

impl Caller {
    pub(super) fn new(principal: impl Into<Arc<str>>, scopes: Scopes) -> Self {
        Self {
            principal: principal.into(),
            scopes,
        }
    }

    /// A person who has signed in to pages by this name.
    pub fn signed_in(principal: &str, scopes: impl IntoIterator<Item = Scope>) -> Self {
        Self::new(principal, scopes.into_iter().collect())
    }

    /// A part of the service itself, which writes without a request: nobody has to let it in, and it may call nothing.
    pub fn part_of_the_service(principal: &'static str) -> Self {
        Self::new(principal, Scopes::from_iter([]))
    }

    /// Nobody in particular, who may do everything: where nobody has to say who they are.
    pub(super) fn anybody() -> Self {
        Self::new("", Scopes::all())
    }

    /// Who sends the request, if that is known.
    pub fn of(request: &HttpRequest) -> Option<Self> {
        let extensions = request.extensions();
        extensions.get::<Identity>().and_then(Identity::caller).cloned()
    }

    /// Who sends the request, and has one of the scopes. A request that no listener has looked at is refused.
    ///
    /// # Errors
    /// `forbidden`; `unauthenticated`.
    pub fn with(request: &HttpRequest, any_of: &[Scope]) -> Result<Self, Problem> {
        let extensions = request.extensions();
        let caller = match extensions.get::<Identity>() {
            Some(Identity(Ok(caller))) => caller,
            Some(Identity(Err(refusal))) => return Err(refusal.problem()),
            None => return Err(Refusal::Missing.problem()),
        };
        if any_of.iter().any(|scope| caller.may(*scope)) {
            Ok(caller.clone())
        } else {
            Err(challenge::forbidden(any_of, "or"))
        }
    }

    /// Who sends the request, and has all of the scopes. A request that no listener has looked at is refused.
    ///
    /// # Errors
    /// `forbidden`; `unauthenticated`.
    pub fn with_all(request: &HttpRequest, scopes: &[Scope]) -> Result<Self, Problem> {
        let caller = Self::with(request, scopes)?;
        if scopes.iter().all(|scope| caller.may(*scope)) {
            Ok(caller)
        } else {
            Err(challenge::forbidden(scopes, "and"))
        }
    }

    /// The name by which commands and idempotency keys are the caller's; empty where nobody has to say who they are.
    pub fn principal(&self) -> &str {
        &self.principal
    }

    /// What the caller may do.
    pub fn scopes(&self) -> impl Iterator<Item = Scope> {
        let scopes = self.scopes;
        Scope::ALL.into_iter().filter(move |scope| scopes.has(*scope))
    }

    /// Whether the caller has the scope.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.has(scope)
    }
}

/// Who somebody is may be personal data.
impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Caller({:?})", self.scopes)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::http::problem::Code;

    #[test]
    fn a_request_that_no_listener_has_looked_at_is_refused() {
        let request = TestRequest::get().to_http_request();
        let refused = Caller::with(&request, &Scope::ALL).unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated);
    }

    #[test]
    fn of_scopes_that_are_all_needed_none_may_be_missing() {
        let request = TestRequest::get().to_http_request();
        let scopes = [Scope::DeadLettersEdit, Scope::DeadLettersReplay];
        let ana = Caller::new("key:1", Scopes::from_iter(scopes));
        request.extensions_mut().insert(Identity(Ok(ana.clone())));
        assert_eq!(Caller::with_all(&request, &scopes).unwrap(), ana);
        for others in [&[][..], &[Scope::DeadLettersEdit, Scope::DeadLettersReveal]] {
            let refused = Caller::with_all(&request, others).unwrap_err();
            assert_eq!(refused.code(), Code::Forbidden);
        }
    }

    #[test]
    fn one_of_the_scopes_is_enough_and_none_is_not() {
        let request = TestRequest::get().to_http_request();
        let ana = Caller::new("token:ana@example.com", Scopes::from_iter([Scope::ContactsWrite]));
        assert!(!format!("{ana:?}").contains("ana@"));
        request.extensions_mut().insert(Identity(Ok(ana.clone())));
        let either = [Scope::ContactsRead, Scope::ContactsWrite];
        assert_eq!(Caller::with(&request, &either).unwrap(), ana);
        for others in [&[][..], &[Scope::ContactsRead]] {
            let refused = Caller::with(&request, others).unwrap_err();
            assert_eq!(refused.code(), Code::Forbidden);
        }
    }
}
