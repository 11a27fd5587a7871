# syntax=docker/dockerfile:1
# clew in a container, with the web application. From the top of the repository:
#   docker build --build-arg VERSION="$(git describe --tags --always)" -t clew .
# The image has the program, the authorities of TLS and nothing else: no shell, no package manager, no secret. deploy/agent/Dockerfile is the agent's.

FROM node:24-bookworm-slim AS ui
WORKDIR /src/ui
COPY ui/package.json ui/package-lock.json ./
RUN npm install --no-audit --no-fund --loglevel=error
COPY ui/ ./
RUN npm run --silent build

FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
COPY --from=ui /src/ui/dist ui/dist
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -tags ui,timetzdata -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/clew ./cmd/clew
# Volumes take the owner of the directory that they are put over.
RUN mkdir -p /out/data /out/tmp && chmod 1777 /out/tmp

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/clew /clew
COPY --from=build --chown=65532:65532 /out/data /data
COPY --from=build --chown=65532:65532 /out/tmp /tmp
USER 65532:65532
VOLUME /data
# UI and API, OTLP over gRPC, OTLP over HTTP; 7402 is between processes of a cluster.
EXPOSE 7400 4317 4318 7402
# Replaying a full log may take seconds; after that an answer takes milliseconds.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["/clew", "ready"]
ENTRYPOINT ["/clew"]
# Within a container loopback is nobody's: what may reach these ports is up to who publishes them. Who may ask and send: docs/security.md.
CMD ["run", "--data", "/data", "--http", "0.0.0.0:7400", "--otlp-grpc", "0.0.0.0:4317", "--otlp-http", "0.0.0.0:4318"]
