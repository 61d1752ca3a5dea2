# SPDX-License-Identifier: Apache-2.0
#
# One file for both servers: docker build --build-arg BINARY=manager .  or  --build-arg BINARY=portal .  (make docker-build)
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
ARG BINARY
ARG VERSION=unknown
ARG TARGETOS
ARG TARGETARCH
WORKDIR /src

# The modules change less often than the code: this layer is reused until they do.
COPY go.mod go.sum ./
RUN go mod download

# .dockerignore keeps out what is not needed; everything that the code embeds comes along.
COPY . .
RUN case "$BINARY" in manager|portal) ;; *) echo "set --build-arg BINARY=manager or BINARY=portal" >&2; exit 1 ;; esac && \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -buildvcs=false -ldflags "-s -w -X github.com/prometheus/common/version.Version=$VERSION" -o /out/roster "./cmd/$BINARY"

# A static binary and the certificate authorities that it checks relays and the API server against; no shell, no package manager.
FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/roster /roster
# By number, so that Kubernetes can tell that it is not root.
USER 65532:65532
ENTRYPOINT ["/roster"]
