package access

import (
	"crypto/x509"
	"path"
	"slices"
)

// Certificate says what clients with certificates may, whose chain the listener has verified (client_ca_file).
type Certificate struct {
	// Name is a DNS name, e-mail address, URI or IP address among the certificate's alternative names, or its common name where it has none of those;
	// "*" stands for any letters but "/" ("agent-*.example.com").
	Name    string   `yaml:"name"`
	Role    Role     `yaml:"role"`
	Tenants []string `yaml:"tenants"` // names, or "*"
}

// names are those that a certificate is known by: the alternative ones, else the common name. A common name beside alternative names is decoration.
func certificateNames(c *x509.Certificate) []string {
	names := slices.Concat(c.DNSNames, c.EmailAddresses)
	for _, u := range c.URIs {
		names = append(names, u.String())
	}
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 && c.Subject.CommonName != "" {
		names = append(names, c.Subject.CommonName)
	}
	return names
}

// identify gives the identity of a verified certificate: all rules that one of its names meets. nil: no rule does.
func identify(rules []Certificate, c *x509.Certificate) *Identity {
	var id *Identity
	for _, name := range certificateNames(c) {
		for i := range rules {
			if ok, err := path.Match(rules[i].Name, name); err != nil || !ok {
				continue
			}
			if id == nil {
				id = &Identity{Name: name, Kind: "certificate"}
			}
			id.Grants = append(id.Grants, Grant{Role: rules[i].Role, Tenants: rules[i].Tenants})
		}
	}
	return id
}
