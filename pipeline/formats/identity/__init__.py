"""Wire formats of the identity plane: sign-ins, tokens, credentials and audit logs."""
