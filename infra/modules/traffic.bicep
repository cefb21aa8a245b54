metadata description = 'The Traffic Manager profile: priority routing, low TTL, fast probes, one endpoint per region.'

@description('Required. Name of the profile.')
param name string

@description('Required. DNS name below trafficmanager.net.')
param dnsName string

@description('Required. Endpoints in order of priority: name, target, region, enabled.')
param endpoints array

@description('Optional. Path that the probes ask.')
param probePath string = '/healthz'

@description('Required. Tags.')
param tags object

resource profile 'Microsoft.Network/trafficManagerProfiles@2022-04-01' = {
  name: name
  location: 'global'
  tags: tags
  properties: {
    profileStatus: 'Enabled'
    trafficRoutingMethod: 'Priority'
    dnsConfig: { relativeName: dnsName, ttl: 30 }
    monitorConfig: {
      protocol: 'HTTPS'
      port: 443
      path: probePath
      intervalInSeconds: 10
      timeoutInSeconds: 5
      toleratedNumberOfFailures: 2
    }
    endpoints: [
      for (endpoint, index) in endpoints: {
        name: endpoint.name
        type: 'Microsoft.Network/trafficManagerProfiles/externalEndpoints'
        properties: {
          target: endpoint.target
          endpointLocation: endpoint.region
          endpointStatus: endpoint.enabled ? 'Enabled' : 'Disabled'
          priority: index + 1
        }
      }
    ]
  }
}

@description('Resource id of the profile.')
output id string = profile.id
