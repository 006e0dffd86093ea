# The image of the worker for scripts in Java, Groovy and QLExpress.
# Build it from the repository's root: docker build --file dev/jvm.Dockerfile --tag chainsaga-jvm:local .

FROM maven:3.9.9-eclipse-temurin-17 AS build
WORKDIR /build
COPY activities/scripts/jvm/pom.xml ./
COPY activities/scripts/jvm/src/main ./src/main
# Its tests are run where it is developed, by `make test`.
RUN mvn --batch-mode --quiet -DskipTests package

FROM eclipse-temurin:17.0.15_6-jre-jammy
RUN useradd --system --uid 10001 --no-create-home chainsaga
COPY --from=build /build/target/dist /app
USER chainsaga
ENTRYPOINT ["java", "-Xmx256m", "-jar", "/app/chainsaga-jvm-worker.jar"]
