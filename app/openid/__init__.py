"""Signing in at an OpenID provider: authorization code flow with PKCE, an ID token that is verified, claims that give
tenant and roles.
"""
