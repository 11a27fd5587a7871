package main

import (
	"context"

	"clew/collector"
)

// openCollector makes what takes telemetry in. Collectors know nothing of each other: any of them takes any record.
func (p *process) openCollector() error {
	var err error
	p.collector, err = collector.New(p.cfg.Collector, collector.Deps{
		Log: p.log, Logger: p.logger.With("part", "collector"), Registerer: p.registry, Version: version, Book: p.book, Access: p.doors.guard,
	})
	return err
}

// runCollector runs it until ctx ends, or base, with which the parts end that it needs.
func (p *process) runCollector(ctx, base context.Context) error {
	receiving, cancel := context.WithCancel(ctx)
	defer cancel()
	// A part that fails ends the collector too.
	defer context.AfterFunc(base, cancel)()
	return p.collector.Run(receiving)
}
