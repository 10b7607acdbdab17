// SPDX-License-Identifier: Apache-2.0
val spinalVersion = "1.14.2"

lazy val root = (project in file("."))
  .settings(
    name := "xnorfpga",
    scalaVersion := "2.13.18",
    scalacOptions ++= Seq("-deprecation", "-feature", "-Xlint:unused", "-Werror"),
    libraryDependencies ++= Seq(
      "com.github.spinalhdl" %% "spinalhdl-core" % spinalVersion,
      "com.github.spinalhdl" %% "spinalhdl-lib"  % spinalVersion,
      compilerPlugin("com.github.spinalhdl" %% "spinalhdl-idsl-plugin" % spinalVersion),
      "com.lihaoyi" %% "upickle" % "4.3.2" // reads hardware.json into case classes and writes manifest.json
    ),
    // `java -cp` elaborates a design in 2 s where an sbt start costs 15: the class path goes to a file once.
    TaskKey[Unit]("writeClasspath") := IO.write(
      target.value / "classpath.txt",
      (Runtime / fullClasspath).value.files.mkString(java.io.File.pathSeparator)
    )
  )
