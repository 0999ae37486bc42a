# The images of contato: docker build --target producer-api|consumer-worker|dlq-function|contato .
#
# Bases are pinned by the digest of their index of platforms; the tag beside it says what it was. rust's tag is the channel of
# rust-toolchain.toml, which tests/deploy/dockerfile holds.

FROM rust:1.95.0-bookworm@sha256:6258907abe69656e41cd992e0b705cdcfabcbbe3db374f92ed2d47121282d4a1 AS build
# Over rust-toolchain.toml, which also asks for rustfmt and clippy: nothing is fetched that builds nothing.
ENV RUSTUP_TOOLCHAIN=1.95.0
WORKDIR /build

# First the dependencies alone, of all the manifests and no source: a layer that lasts until Cargo.lock or a manifest changes.
COPY Cargo.toml Cargo.lock ./
COPY contato/Cargo.toml contato/
COPY producer-api/Cargo.toml producer-api/
COPY consumer-worker/Cargo.toml consumer-worker/
COPY dlq-function/Cargo.toml dlq-function/
COPY shared/Cargo.toml shared/
COPY tests/support/Cargo.toml tests/support/
COPY tests/survival/Cargo.toml tests/survival/
COPY loadtest/Cargo.toml loadtest/
COPY deploy/docker/stand-ins deploy/docker/stand-ins
RUN sh deploy/docker/stand-ins make \
    && cargo build --release --locked -p producer-api -p consumer-worker -p dlq-function -p contato \
    && sh deploy/docker/stand-ins remove

COPY . .
# For `contato_build_info`; last, so that another commit rebuilds only what is in the repository.
ARG REVISION=unknown
ENV CONTATO_REVISION=$REVISION
# The members that are in no image only have to be there: cargo reads every manifest of the workspace.
RUN sh deploy/docker/stand-ins make \
    && cargo build --release --locked --offline -p producer-api -p consumer-worker -p dlq-function -p contato \
    && mkdir /empty

# glibc, libgcc and the authorities of Debian 12; no shell, no package manager. tests/deploy/image looks at what the binaries need.
FROM gcr.io/distroless/cc-debian12:nonroot@sha256:9dac0a79194e45a7da0158a9c6da57b217585af0786db3845d1f0ec1a0dd182f AS runtime
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.vendor="contato" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.base.name="gcr.io/distroless/cc-debian12:nonroot" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
# nonroot, by number: Kubernetes' runAsNonRoot cannot judge a name.
USER 65532:65532
WORKDIR /
STOPSIGNAL SIGTERM

FROM runtime AS producer-api
LABEL org.opencontainers.image.title="contato producer-api" \
      org.opencontainers.image.description="Takes contacts over HTTP and puts each command on the queue"
COPY --from=build /build/target/release/producer-api /usr/local/bin/producer-api
EXPOSE 8080 9464
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["/usr/local/bin/producer-api", "--check-health"]
ENTRYPOINT ["/usr/local/bin/producer-api"]

FROM runtime AS consumer-worker
LABEL org.opencontainers.image.title="contato consumer-worker" \
      org.opencontainers.image.description="Applies the commands on the queue to SQL"
COPY --from=build /build/target/release/consumer-worker /usr/local/bin/consumer-worker
EXPOSE 9465
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["/usr/local/bin/consumer-worker", "--check-health"]
ENTRYPOINT ["/usr/local/bin/consumer-worker"]

FROM runtime AS dlq-function
LABEL org.opencontainers.image.title="contato dlq-function" \
      org.opencontainers.image.description="Keeps dead letters, shows them in the console and sends them again"
COPY --from=build /build/target/release/dlq-function /usr/local/bin/dlq-function
EXPOSE 8081 9466
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["/usr/local/bin/dlq-function", "--check-health"]
ENTRYPOINT ["/usr/local/bin/dlq-function"]

# All roles in one process, and the commands: migrate, setup, doctor, import, export.
FROM runtime AS contato
LABEL org.opencontainers.image.title="contato" \
      org.opencontainers.image.description="All roles of contato in one process, and its commands"
COPY --from=build /build/target/release/contato /usr/local/bin/contato
# Unless they are set otherwise, queue and database are in ./data: here.
COPY --from=build --chown=65532:65532 /empty /data
VOLUME ["/data"]
EXPOSE 8080 8081 9464 9465 9466
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["/usr/local/bin/contato", "--check-health"]
ENTRYPOINT ["/usr/local/bin/contato"]
