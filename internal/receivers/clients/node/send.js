// Sends one record of each kind with other people's clients for Node. What is sent and where to is in the environment; what was made up on the way (ids) is
// printed as one JSON object.
'use strict';
const { OTLP_HTTP, OTLP_GRPC, ZIPKIN, JAEGER_HTTP, FLUENT } = process.env;
const out = {};

async function otel() {
  const { resourceFromAttributes } = require('@opentelemetry/resources');
  const resource = resourceFromAttributes({ 'service.name': 'node-otel' });
  const { NodeTracerProvider, BatchSpanProcessor } = require('@opentelemetry/sdk-trace-node');
  const headers = { 'X-Scope-OrgID': 'node' };
  for (const [name, Exporter, config] of [
    ['proto', require('@opentelemetry/exporter-trace-otlp-proto').OTLPTraceExporter, { url: OTLP_HTTP + '/v1/traces', headers }],
    ['grpc', require('@opentelemetry/exporter-trace-otlp-grpc').OTLPTraceExporter, { url: OTLP_GRPC, metadata: grpcMetadata(headers) }],
  ]) {
    const provider = new NodeTracerProvider({ resource, spanProcessors: [new BatchSpanProcessor(new Exporter(config))] });
    const span = provider.getTracer('t').startSpan('buy ' + name, { attributes: { n: 7, big: 1.5, list: ['a', 'b'], umlaut: 'Ärger 🧵' } });
    span.addEvent('declined', { code: 3 });
    span.setStatus({ code: 2, message: 'no money' });
    out[name] = span.spanContext().traceId;
    span.end();
    await provider.shutdown();
  }
  const { LoggerProvider, BatchLogRecordProcessor } = require('@opentelemetry/sdk-logs');
  const { OTLPLogExporter } = require('@opentelemetry/exporter-logs-otlp-http'); // JSON
  const processor = make(BatchLogRecordProcessor, new OTLPLogExporter({ url: OTLP_HTTP + '/v1/logs', headers }));
  const logs = new LoggerProvider({ resource, processors: [processor] });
  logs.getLogger('t').emit({ severityNumber: 13, severityText: 'WARN', body: 'node says hello', attributes: { n: 7 } });
  await logs.forceFlush();
  await logs.shutdown();
  const { MeterProvider, PeriodicExportingMetricReader } = require('@opentelemetry/sdk-metrics');
  const { OTLPMetricExporter } = require('@opentelemetry/exporter-metrics-otlp-proto');
  const meters = new MeterProvider({ resource, readers: [new PeriodicExportingMetricReader({ exporter: new OTLPMetricExporter({ url: OTLP_HTTP + '/v1/metrics', headers }) })] });
  meters.getMeter('t').createCounter('node_orders').add(5, { kind: 'paid' });
  await meters.shutdown();
}

// The processor takes its exporter as an argument or among its options, by version.
function make(Processor, exporter) {
  try {
    const p = new Processor({ exporter });
    if (p._exporter === exporter) return p;
  } catch {
    // the older form
  }
  return new Processor(exporter);
}

function grpcMetadata(headers) {
  const { Metadata } = require('@grpc/grpc-js');
  const m = new Metadata();
  for (const [k, v] of Object.entries(headers)) m.set(k.toLowerCase(), v);
  return m;
}

async function zipkin() {
  const { Tracer, BatchRecorder, jsonEncoder, ExplicitContext, Annotation } = require('zipkin');
  const { HttpLogger } = require('zipkin-transport-http');
  const logger = new HttpLogger({ endpoint: ZIPKIN + '/api/v2/spans', jsonEncoder: jsonEncoder.JSON_V2, httpInterval: 10, headers: { 'X-Scope-OrgID': 'node' } });
  const tracer = new Tracer({ ctxImpl: new ExplicitContext(), recorder: new BatchRecorder({ logger }), localServiceName: 'node-zipkin' });
  const id = tracer.createRootId();
  tracer.setId(id);
  tracer.recordServiceName('node-zipkin');
  tracer.recordRpc('get /cart');
  tracer.recordAnnotation(new Annotation.ClientSend());
  tracer.recordBinary('http.path', '/cart');
  tracer.recordAnnotation(new Annotation.ClientRecv());
  out.zipkin = id.traceId;
  await new Promise((done) => logger.on('success', done));
}

async function jaeger() {
  const { initTracer } = require('jaeger-client');
  const tracer = initTracer({ serviceName: 'node-jaeger', sampler: { type: 'const', param: 1 }, reporter: { collectorEndpoint: JAEGER_HTTP + '/api/traces' } }, {});
  const span = tracer.startSpan('charge');
  span.setTag('amount', 42);
  span.finish();
  out.jaeger = span.context().traceIdStr;
  await new Promise((done) => tracer.close(done));
}

async function fluent() {
  const logger = require('fluent-logger').createFluentSender('app', { host: FLUENT.split(':')[0], port: Number(FLUENT.split(':')[1]), requireAckResponse: true, timeout: 5 });
  await new Promise((done, fail) => logger.emit('node', { message: 'fluent from node', n: 3, level: 'error' }, (err) => (err ? fail(err) : done())));
  logger.end();
}

(async () => {
  await Promise.all([otel(), zipkin(), jaeger(), fluent()]);
  console.log(JSON.stringify(out));
  process.exit(0); // some of them keep timers
})().catch((err) => {
  console.error(err);
  process.exit(1);
});
