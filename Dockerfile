# docker build -t gemini-kafka-bridge .
#
# For a release the base is pinned; `docker buildx imagetools inspect node:24-slim` prints its digest:
#   --build-arg NODE_IMAGE=node:24-slim@sha256:…
#
# On a machine without a container engine, tools/image reads this file and makes the same tree. So each
# RUN works relative to WORKDIR, and the file has only instructions that tools/image knows.
ARG NODE_IMAGE=node:24-slim

# The tree has no code for a certain processor, so it is made once, on the builder's own
FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# `install` and not `ci`: some mirrors lack the optional packages of other platforms.
# The workspaces are for tests
RUN npm install --workspaces=false --ignore-scripts --no-save
COPY nest-cli.json tsconfig.json tsconfig.build.json LICENSE ./
COPY src src
RUN npm run build
# The link gives the command its name. Every user may read the files, whatever the umask of the checkout
RUN find dist -name '*.map' -delete \
  && mkdir bin \
  && ln -s ../dist/cli.js bin/gemini-kafka-bridge \
  && chmod -R u=rwX,go=rX dist package.json LICENSE \
  && chmod +x dist/cli.js

# The Gemini emulator, for compose.yaml
FROM build AS development
COPY packages packages
RUN chmod -R go=rX packages src
USER 65532:65532
ENTRYPOINT ["node", "--import", "tsx", "packages/gemini-emulator/src/cli.ts"]

# Half of the packages' bytes are source maps and types, which the running bridge does not read
FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS production
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm install --workspaces=false --omit=dev --ignore-scripts --no-save \
  && find node_modules -type f \
    \( -name '*.map' -o -name '*.ts' -o -name '*.mts' -o -name '*.cts' \) -delete \
  && chmod -R u=rwX,go=rX node_modules

FROM ${NODE_IMAGE}
ENV NODE_ENV=production
# kafkajs sets timers with negative delays. Node.js 24 would print a warning between the JSON lines of the log
ENV NODE_OPTIONS=--disable-warning=TimeoutNegativeWarning
ENV PATH=/app/bin:$PATH
WORKDIR /app
COPY --from=production /app/node_modules node_modules
COPY --from=build /app/package.json /app/LICENSE ./
COPY --from=build /app/bin bin
COPY --from=build /app/dist dist
ARG VERSION=0.0.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="gemini-kafka-bridge"
LABEL org.opencontainers.image.description="Verified Gemini webhooks on Kafka"
LABEL org.opencontainers.image.licenses="Apache-2.0"
LABEL org.opencontainers.image.version="${VERSION}"
LABEL org.opencontainers.image.revision="${REVISION}"
LABEL org.opencontainers.image.created="${CREATED}"
EXPOSE 8080 8081
# A number, so that Kubernetes can tell that the user is not root
USER 65532:65532
# Node.js as process 1: it handles SIGTERM itself and starts no processes, so there is nothing for an init to do
# V8 collects the heap when it has grown by 100 %, not by 300 %: 160-175 MB instead of 215-270 MB resident under full load, for the
# same CPU time an event. NODE_OPTIONS does not allow the flag
ENTRYPOINT ["node", "--heap-growing-percent=100", "/app/dist/main.js"]
