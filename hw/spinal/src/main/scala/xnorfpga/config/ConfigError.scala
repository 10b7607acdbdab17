// SPDX-License-Identifier: Apache-2.0
package xnorfpga.config

/** A configuration that cannot be elaborated; the message is one line that says what would be accepted. */
case class ConfigError(message: String) extends Exception(message)
