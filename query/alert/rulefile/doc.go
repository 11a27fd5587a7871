// Package rulefile reads rule files: Prometheus' format, in which a rule may also ask for log records or spans.
//
//	groups:
//	  - name: payment
//	    interval: 30s
//	    rules:
//	      - alert: SlowDatabase
//	        expr: histogram_quantile(0.95, rate(db_seconds[5m])) > 1
//	        for: 5m
//	      - alert: CardsDeclined
//	        lang: logs
//	        expr: service:payment "card declined"
//	        window: 5m
//	        by: [service, region]
//	        condition: "> 20"
//
// What is read is checked to the last character before anything uses it: a rule that is wrong pages nobody, and that shows when it is
// too late. Every problem is found in one pass and says where it is, in the YAML as well as within the expression.
package rulefile
