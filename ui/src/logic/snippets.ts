// The first span and the first log record from each language, to the address where this very clew listens.

export interface Endpoints {
  http: string; // http://host:4318
  grpc: string; // http://host:4317
}

export interface Snippet {
  id: string;
  name: string;
  about: string;
  steps: { title: string; code: string; language: 'sh' | 'go' | 'python' | 'js' | 'java' | 'csharp' }[];
}

/** Addresses as a browser elsewhere sees them: a listener on all interfaces is reached where the page was. */
export function endpointsOf(facts: { otlpHttp: string; otlpGrpc: string }, pageHost: string): Endpoints {
  const url = (address: string) => {
    const at = address.lastIndexOf(':');
    const host = address.slice(0, Math.max(at, 0)).replace(/^\[|\]$/g, '');
    const everywhere = host === '' || host === '0.0.0.0' || host === '::';
    return `http://${everywhere ? pageHost : host.includes(':') ? `[${host}]` : host}:${address.slice(at + 1)}`;
  };
  return { http: url(facts.otlpHttp), grpc: url(facts.otlpGrpc) };
}

const environment = (e: Endpoints, service: string) =>
  `export OTEL_EXPORTER_OTLP_ENDPOINT=${e.http}
export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
export OTEL_SERVICE_NAME=${service}`;

export function snippets(e: Endpoints): Snippet[] {
  return [curl(e), go(e), java(e), python(e), node(e), dotnet(e)];
}

function curl(e: Endpoints): Snippet {
  return {
    id: 'curl',
    name: 'curl',
    about: 'A span and a log record of it, without any library.',
    steps: [
      {
        title: 'Paste into a terminal',
        language: 'sh',
        code: `now=$(date +%s)
trace=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \\n')
span=$(od -An -N8 -tx1 /dev/urandom | tr -d ' \\n')
resource='"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"hello-curl"}}]}'

curl -s ${e.http}/v1/traces -H 'Content-Type: application/json' -d '{"resourceSpans":[{'"$resource"',
  "scopeSpans":[{"spans":[{"traceId":"'$trace'","spanId":"'$span'","name":"say hello","kind":2,
    "startTimeUnixNano":"'$now'000000000","endTimeUnixNano":"'$now'250000000"}]}]}]}'

curl -s ${e.http}/v1/logs -H 'Content-Type: application/json' -d '{"resourceLogs":[{'"$resource"',
  "scopeLogs":[{"logRecords":[{"timeUnixNano":"'$now'100000000","severityNumber":9,
    "body":{"stringValue":"hello from curl"},"traceId":"'$trace'","spanId":"'$span'"}]}]}]}'`,
      },
    ],
  };
}

function go(e: Endpoints): Snippet {
  return {
    id: 'go',
    name: 'Go',
    about: 'The OpenTelemetry SDK, with slog bridged into the log signal.',
    steps: [
      {
        title: 'A module of its own',
        language: 'sh',
        code: `mkdir hello-clew && cd hello-clew && go mod init hello
go get go.opentelemetry.io/otel/sdk go.opentelemetry.io/otel/sdk/log \\
  go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp \\
  go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp \\
  go.opentelemetry.io/contrib/bridges/otelslog`,
      },
      {
        title: 'main.go',
        language: 'go',
        code: `package main

import (
	"context"

	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

func main() {
	ctx := context.Background()
	spans, err := otlptracehttp.New(ctx)
	if err != nil {
		panic(err)
	}
	logs, err := otlploghttp.New(ctx)
	if err != nil {
		panic(err)
	}
	tracing := sdktrace.NewTracerProvider(sdktrace.WithBatcher(spans))
	logging := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(logs)))
	defer tracing.Shutdown(ctx)
	defer logging.Shutdown(ctx)

	ctx, span := tracing.Tracer("hello").Start(ctx, "say hello")
	otelslog.NewLogger("hello", otelslog.WithLoggerProvider(logging)).InfoContext(ctx, "hello from Go", "answer", 42)
	span.End()
}`,
      },
      { title: 'Run it', language: 'sh', code: `${environment(e, 'hello-go')}\ngo mod tidy && go run .` },
    ],
  };
}

function java(e: Endpoints): Snippet {
  return {
    id: 'java',
    name: 'Java',
    about: 'The OpenTelemetry agent: no change in code; HTTP, gRPC, JDBC, messaging and the usual logging libraries are followed.',
    steps: [
      {
        title: 'Get the agent',
        language: 'sh',
        code: 'curl -sLO https://github.com/open-telemetry/opentelemetry-java-instrumentation/releases/latest/download/opentelemetry-javaagent.jar',
      },
      {
        title: 'Run your app with it',
        language: 'sh',
        code: `${environment(e, 'hello-java')}\njava -javaagent:opentelemetry-javaagent.jar -jar app.jar`,
      },
      {
        title: 'A span of your own (io.opentelemetry.instrumentation:opentelemetry-instrumentation-annotations)',
        language: 'java',
        code: `@io.opentelemetry.instrumentation.annotations.WithSpan("say hello")
void hello() {
  org.slf4j.LoggerFactory.getLogger("hello").info("hello from Java");
}`,
      },
    ],
  };
}

function python(e: Endpoints): Snippet {
  return {
    id: 'python',
    name: 'Python',
    about: 'The OpenTelemetry distribution: it follows the libraries that are installed, and the logging module.',
    steps: [
      {
        title: 'Install',
        language: 'sh',
        code: 'pip install opentelemetry-distro opentelemetry-exporter-otlp\nopentelemetry-bootstrap -a install',
      },
      {
        title: 'hello.py',
        language: 'python',
        code: `import logging
from opentelemetry import trace

with trace.get_tracer("hello").start_as_current_span("say hello"):
    logging.getLogger("hello").warning("hello from Python")`,
      },
      {
        title: 'Run it',
        language: 'sh',
        code: `${environment(e, 'hello-python')}\nexport OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED=true\nopentelemetry-instrument python hello.py`,
      },
    ],
  };
}

function node(e: Endpoints): Snippet {
  return {
    id: 'node',
    name: 'Node',
    about: 'The OpenTelemetry SDK; the auto-instrumentations follow HTTP, databases and the usual loggers.',
    steps: [
      {
        title: 'Install',
        language: 'sh',
        code: 'npm install @opentelemetry/api @opentelemetry/api-logs @opentelemetry/auto-instrumentations-node',
      },
      {
        title: 'hello.js',
        language: 'js',
        code: `const { trace } = require('@opentelemetry/api');
const { logs, SeverityNumber } = require('@opentelemetry/api-logs');

trace.getTracer('hello').startActiveSpan('say hello', (span) => {
  logs.getLogger('hello').emit({ severityNumber: SeverityNumber.INFO, body: 'hello from Node' });
  span.end();
  process.kill(process.pid, 'SIGTERM'); // sends what is buffered, then ends
});`,
      },
      {
        title: 'Run it',
        language: 'sh',
        code: `${environment(e, 'hello-node')}\nexport OTEL_LOGS_EXPORTER=otlp\nnode --require @opentelemetry/auto-instrumentations-node/register hello.js`,
      },
    ],
  };
}

function dotnet(e: Endpoints): Snippet {
  return {
    id: 'dotnet',
    name: '.NET',
    about: 'The OpenTelemetry SDK in an ASP.NET Core app: requests become spans, ILogger becomes log records.',
    steps: [
      {
        title: 'An app',
        language: 'sh',
        code: `dotnet new web -o hello && cd hello
dotnet add package OpenTelemetry.Extensions.Hosting
dotnet add package OpenTelemetry.Exporter.OpenTelemetryProtocol
dotnet add package OpenTelemetry.Instrumentation.AspNetCore`,
      },
      {
        title: 'Program.cs',
        language: 'csharp',
        code: `using OpenTelemetry;
using OpenTelemetry.Trace;

var builder = WebApplication.CreateBuilder(args);
builder.Services.AddOpenTelemetry()
    .WithTracing(t => t.AddAspNetCoreInstrumentation())
    .WithLogging()
    .UseOtlpExporter();
var app = builder.Build();
app.MapGet("/", (ILogger<Program> log) => { log.LogInformation("hello from .NET"); return "hello"; });
app.Run("http://127.0.0.1:5005");`,
      },
      {
        title: 'Run it, and ask it once',
        language: 'sh',
        code: `${environment(e, 'hello-dotnet')}\ndotnet run &\ncurl --retry 60 --retry-delay 1 --retry-connrefused http://127.0.0.1:5005/`,
      },
    ],
  };
}
