// SPDX-License-Identifier: Apache-2.0

package login

import (
	"os"
	"os/exec"
	"runtime"
)

// hasBrowser reports whether a browser can be opened where the person sits.
func hasBrowser(system string, env func(string) string) bool {
	switch {
	case env("BROWSER") != "":
		return true
	case env("SSH_CONNECTION") != "":
		return false // It would open on the other machine.
	case system == "windows", system == "darwin":
		return true
	}
	return env("DISPLAY") != "" || env("WAYLAND_DISPLAY") != ""
}

// opener is the program that opens an address, as the system or BROWSER has it.
func opener(system, browser string) (string, []string) {
	switch {
	case browser != "":
		return browser, nil
	case system == "windows":
		return "rundll32", []string{"url.dll,FileProtocolHandler"}
	case system == "darwin":
		return "open", nil
	}
	return "xdg-open", nil
}

// openBrowser does not wait for the browser to end.
func openBrowser(address string) error {
	name, args := opener(runtime.GOOS, os.Getenv("BROWSER"))
	cmd := exec.Command(name, append(args, address)...) //nolint:gosec // The person's own choice.
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { _ = cmd.Wait() }()
	return nil
}
