"""keywright's credentials in other people's HTTP and cloud clients; each module here wants its library installed.

    module      for                         what it gives
    httpx       httpx                       CredentialAuth, CredentialTransport, AsyncCredentialTransport
    httpx2      httpx2, OpenAI, Anthropic   the same
    requests    requests                    CredentialAuth
    urllib3     urllib3                     CredentialPool
    botocore    botocore, boto3             install, KeywrightProvider, SessionCredentialProvider
    headers     any other client            CredentialHeaders, token_of

Each asks its provider once for each attempt. After a 401 it names the credential that was sent as rejected and tries
once more, at once; the second answer is the caller's. How a credential is sent is a `keywright.adapters.scheme`.
"""
