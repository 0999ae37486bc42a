"""What policies of API Management may have: as much of its reference as deploy/azure/apim uses, by the pages that say so.

The pages are those of learn.microsoft.com/azure/api-management/, in the state of mid-2024 or newer.
"""

EVERY = {"classic", "consumption"}
BOTH_ENDS = {"inbound", "backend", "outbound", "on-error"}
# rate-limit-policy and rate-limit-by-key-policy have these in common.
COUNTED = {
    "retry-after-header-name",
    "retry-after-variable-name",
    "remaining-calls-header-name",
    "remaining-calls-variable-name",
    "total-calls-header-name",
}

# Policies: the page, the sections and tiers that have them, attributes (`must`, `may`), children (`inside`), and whether a
# second one in the same document is refused.
POLICIES = {
    "base": {"page": "set-edit-policies", "sections": BOTH_ENDS, "tiers": EVERY},
    "choose": {"page": "choose-policy", "sections": BOTH_ENDS, "tiers": EVERY, "inside": {"when"}},
    "forward-request": {
        "page": "forward-request-policy",
        "sections": {"backend"},
        "tiers": EVERY,
        "may": {"timeout", "follow-redirects", "buffer-request-body", "buffer-response", "fail-on-error-status-code"},
        "once": True,
    },
    "rate-limit": {
        "page": "rate-limit-policy",
        "sections": {"inbound"},
        "tiers": EVERY,
        "must": {"calls", "renewal-period"},
        "may": COUNTED,
        "plain": {"calls", "renewal-period"} | COUNTED,
        "once": True,
    },
    "rate-limit-by-key": {
        "page": "rate-limit-by-key-policy",
        "sections": {"inbound"},
        "tiers": {"classic"},
        "must": {"calls", "renewal-period", "counter-key"},
        "may": COUNTED | {"increment-condition", "increment-count"},
        "plain": COUNTED,
    },
    "set-header": {
        "page": "set-header-policy",
        "sections": BOTH_ENDS,
        "tiers": EVERY,
        "must": {"name"},
        "may": {"exists-action"},
        "inside": {"value"},
        "words": {"exists-action": {"override", "skip", "append", "delete"}},
    },
    "set-query-parameter": {
        "page": "set-query-parameter-policy",
        "sections": {"inbound", "backend"},
        "tiers": EVERY,
        "must": {"name"},
        "may": {"exists-action"},
        "inside": {"value"},
        "words": {"exists-action": {"override", "skip", "append", "delete"}},
    },
    "validate-jwt": {
        "page": "validate-jwt-policy",
        "sections": {"inbound"},
        "tiers": EVERY,
        "may": {
            "header-name",
            "query-parameter-name",
            "token-value",
            "failed-validation-httpcode",
            "failed-validation-error-message",
            "require-expiration-time",
            "require-scheme",
            "require-signed-tokens",
            "clock-skew",
            "output-token-variable-name",
        },
        # In this order.
        "inside": ["openid-config", "issuer-signing-keys", "decryption-keys", "audiences", "issuers", "required-claims"],
        "plain": {"output-token-variable-name"},
    },
}

# Parts of policies: attributes and children; `text` where there may be text.
PARTS = {
    "when": {"must": {"condition"}, "inside": "policies"},
    "value": {"text": True},
    "openid-config": {"must": {"url"}},
    "audiences": {"inside": {"audience"}},
    "audience": {"text": True},
    "issuers": {"inside": {"issuer"}},
    "issuer": {"text": True},
}

# Members of `context` and of a Jwt, from api-management-policy-expressions.
MEMBERS = {
    "context.Api.Path",
    "context.Request.OriginalUrl.Host",
    "context.Response.Headers.ContainsKey",
    "context.Response.Headers.GetValueOrDefault",
    "context.Response.StatusCode",
    "context.Subscription.Id",
    "context.Variables",
}
