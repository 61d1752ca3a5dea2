// SPDX-License-Identifier: Apache-2.0

// Package exit says with which code a command ends.
package exit

import "errors"

// Error ends the plugin with a code. Without a cause, nothing more is printed: the output has said it.
type Error struct {
	Code  int
	Cause error
}

// Error implements error.
func (e *Error) Error() string {
	if e.Cause == nil {
		return ""
	}
	return e.Cause.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// With ends the plugin with a code, without a message.
func With(code int) error { return &Error{Code: code} }

// Code that an error ends the plugin with.
func Code(err error) int {
	var e *Error
	switch {
	case err == nil:
		return 0
	case errors.As(err, &e):
		return e.Code
	}
	return 1
}
