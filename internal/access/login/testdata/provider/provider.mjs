// A real OpenID Connect provider for tests: oidc-provider, with a client, two people and machine tokens. Arguments: port, redirect URI.
import Provider from 'oidc-provider';

const [port, redirect] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const people = { ada: ['sre'], bob: ['visitors'] };
const provider = new Provider(issuer, {
  clients: [
    { client_id: 'clew', client_secret: 'provider-secret-0123456789abcdef', redirect_uris: [redirect], grant_types: ['authorization_code'], response_types: ['code'] },
    { client_id: 'agent', client_secret: 'agent-secret-0123456789abcdef', redirect_uris: [], grant_types: ['client_credentials'], response_types: [] },
  ],
  cookies: { keys: ['only for tests'] },
  claims: { openid: ['sub'], email: ['email', 'email_verified'], groups: ['groups'] },
  scopes: ['openid', 'email', 'groups'],
  findAccount: (_ctx, id) =>
    id in people && { accountId: id, claims: () => ({ sub: id, email: `${id}@example.com`, email_verified: true, groups: people[id] }) },
  pkce: { required: () => true },
  extraTokenClaims: () => ({ groups: ['agents'] }),
  ttl: { ClientCredentials: 600, AccessToken: 600, IdToken: 600 },
  features: {
    devInteractions: { enabled: true },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      getResourceServerInfo: (_ctx, resource) => ({ scope: '', audience: resource, accessTokenFormat: 'jwt', accessTokenTTL: 600 }),
    },
  },
});
provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
