// SPDX-License-Identifier: Apache-2.0

package smtptest

import (
	"fmt"
	"slices"

	"github.com/emersion/go-smtp"
)

// Step is where in a session something can go wrong.
type Step int

// The steps of a session, in their order.
const (
	// AtConnect is before the greeting.
	AtConnect Step = iota
	// AtHello is the answer to EHLO.
	AtHello
	// AtHandshake is the TLS handshake; here a fault without Cut refuses it.
	AtHandshake
	// AtAuth is the answer to AUTH.
	AtAuth
	// AtMail is the answer to MAIL FROM.
	AtMail
	// AtRcpt is the answer to RCPT TO.
	AtRcpt
	// AtContent is while the content is on its way, before the final dot.
	AtContent
	// AtAccept is after the final dot: the message has been taken, and the sender has not heard of it yet. A fault with a Code
	// refuses the message.
	AtAccept
)

// Fault is what the server does wrong once, at the next time that a session comes to its step.
type Fault struct {
	Step Step
	// To limits the fault to one recipient; only at AtRcpt.
	To string
	// Gate makes the server wait there before it does anything else.
	Gate *Gate
	// Cut closes the connection without an answer.
	Cut bool
	// Code, Enhanced (such as "5.1.1") and Text are the answer. Code 0: the answer is what it would have been.
	Code     int
	Enhanced string
	Text     string
	// Times is how often it happens. Default once; below zero: always.
	Times int
}

// Gate holds the server up until a test lets it go on.
type Gate struct {
	reached, open chan struct{}
}

// NewGate is a closed gate.
func NewGate() *Gate {
	return &Gate{reached: make(chan struct{}, 1), open: make(chan struct{})}
}

// Reached yields when the server waits at the gate.
func (g *Gate) Reached() <-chan struct{} { return g.reached }

// Open lets the server go on, now and ever after. It must be called once only.
func (g *Gate) Open() { close(g.open) }

// Script adds faults. At each step the oldest that fits is taken.
func (s *Server) Script(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range faults {
		if f.Times == 0 {
			f.Times = 1
		}
		s.faults = append(s.faults, &f)
	}
}

// Judge has a function asked before each mail, at MAIL FROM; nil takes the mail. It must not call the server.
func (s *Server) Judge(judge func() *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.judge = judge
}

// Mend takes all faults away.
func (s *Server) Mend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// take finds the fault that is due at the step, and uses it up.
func (s *Server) take(step Step, to string) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if step == AtMail && s.judge != nil {
		if f := s.judge(); f != nil {
			return f
		}
	}
	i := slices.IndexFunc(s.faults, func(f *Fault) bool {
		return f.Step == step && (f.To == "" || f.To == to)
	})
	if i < 0 {
		return nil
	}
	f := s.faults[i]
	if f.Times--; f.Times == 0 {
		s.faults = slices.Delete(s.faults, i, i+1)
	}
	return f
}

// wait stops at the gate of the fault, if it has one.
func (s *Server) wait(f *Fault) {
	if f.Gate == nil {
		return
	}
	select {
	case f.Gate.reached <- struct{}{}:
	default:
	}
	select {
	case <-f.Gate.open:
	case <-s.done:
	}
}

func (f *Fault) enhanced() smtp.EnhancedCode {
	var code smtp.EnhancedCode
	if _, err := fmt.Sscanf(f.Enhanced, "%d.%d.%d", &code[0], &code[1], &code[2]); err != nil {
		return smtp.NoEnhancedCode
	}
	return code
}

func (f *Fault) err() error {
	if f.Code == 0 {
		return nil
	}
	return &smtp.SMTPError{Code: f.Code, EnhancedCode: f.enhanced(), Message: f.Text}
}

func (f *Fault) reply() string {
	if f.Enhanced == "" {
		return fmt.Sprintf("%d %s", f.Code, f.Text)
	}
	return fmt.Sprintf("%d %s %s", f.Code, f.Enhanced, f.Text)
}
