// SPDX-License-Identifier: Apache-2.0
package xnorfpga

/** What is built: the accelerator as `hardware.json` states it, checked when it is read. */
package object config {

  /** Stop elaboration with one line that says what to change. */
  def refuse(message: String): Nothing = throw ConfigError(message)

  /** All divisors of n, ascending: what a fold may be. */
  def divisors(n: Int): Seq[Int] = (1 to n).filter(n % _ == 0)
}
