.PHONY: run test check bench demo libopus gopus bench-opus

run: ## the bot; needs DISCORD_TOKEN
	go run .

demo: ## a song against Discord on loopback
	go run . demo

test: ## what the README says
	go test ./...

check: ## what has to pass before a push
	@test -z "$$(go tool gofumpt -l .)" || { go tool gofumpt -l .; echo "these files need gofumpt"; exit 1; }
	go vet ./...
	go tool staticcheck ./...
	go mod tidy -diff
	go test -race -shuffle=on ./...
	@git diff --exit-code --stat

bench: ## every benchmark once over, with allocations
	go test -run '^$$' -bench . -benchmem ./...

libopus: ## the program with the system's libopus in it, the quickest; needs libopus-dev and a C compiler
	CGO_ENABLED=1 go build -tags libopus -o segue .

gopus: ## the program with layeh.com/gopus in it; needs a C compiler
	CGO_ENABLED=1 CGO_CFLAGS="-O2 -g -w" go build -tags gopus -o segue .

bench-opus: ## each build's codec, and libopus against a loop in C
	go test -run '^$$' -bench 'code$$|Pair' -benchmem ./audio/codec/opus
	go test -tags libopus,bare -run '^$$' -bench 'code$$|Pair|Bare' -benchmem ./audio/codec/opus
	CGO_CFLAGS="-O2 -g -w" go test -tags gopus -run '^$$' -bench 'code$$|Pair' -benchmem ./audio/codec/opus
