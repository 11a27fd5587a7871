package main

import "clew/query/hosts"

// hosts is the list of hosts, by all that this process knows of them.
func (p *process) hosts() *hosts.Hosts {
	return hosts.New(hosts.Deps{
		Records: p.engine, Ledger: p.book, Metrics: hosts.PromQL{Engine: p.promql.Engine(), Storage: p.promql.Storage()}, Logger: p.logger.With("part", "hosts"),
	})
}
