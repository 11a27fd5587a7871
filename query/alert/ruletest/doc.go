// Package ruletest runs unit tests of rules: promtool's files, with log records and traces as further input.
//
//	rule_files: [payment.yml]
//	evaluation_interval: 1m
//	tests:
//	  - name: declined cards page
//	    logs: |
//	      @0s+10sx30 payment warn "card declined by acquirer-b" region=eu
//	    traces:
//	      - at: 2m+1sx20
//	        trace: |
//	          web "POST /checkout" server @0 +2s error
//	            payment "POST /charge" server @1ms +1.9s error "declined"
//	    alert_rule_test:
//	      - eval_time: 5m
//	        alertname: CardsDeclined
//	        exp_alerts:
//	          - exp_labels: {service: payment, region: eu, severity: page}
//
// A log record is @time service severity "body" key=value ..., a trace is as internal/tracetext reads it. Times are after the test's
// beginning; 2m+1sx20 is at 2m and 20 more times, a second apart, as in the values of input_series. Rules are evaluated by the code that evaluates
// them in earnest, over the index's tables and Prometheus' engine.
package ruletest
