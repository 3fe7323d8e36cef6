# A Homebrew formula for the tarball that `make dist` wrote beside it. A release for several platforms has one such
# block for each.
class Keywright < Formula
  desc "Credential helpers for kubectl, git and docker on one shared cache"
  homepage "https://github.com/keywright/keywright"
  version "$version"
  license "Apache-2.0"

  on_$system do
    on_$processor do
      url "https://github.com/keywright/keywright/releases/download/v$version/$tarball"
      sha256 "$sha256"
    end
  end

  def install
    man1.install Dir["share/man/man1/*"]
    man5.install Dir["share/man/man5/*"]
    bash_completion.install Dir["share/bash-completion/completions/*"]
    zsh_completion.install Dir["share/zsh/site-functions/*"]
    fish_completion.install Dir["share/fish/vendor_completions.d/*"]
    libexec.install Dir["*"] - ["share"]
    bin.install_symlink libexec/"keywright", *Dir[libexec/"*-credential-keywright"]
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/keywright --version")
    assert_equal "credentials not found in native keychain",
                 pipe_output("#{bin}/docker-credential-keywright get", "registry.example", 1).strip
  end
end
